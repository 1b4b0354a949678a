import { defineMessages } from './i18n/messages'

/** Words that several parts of the page use. */
export const common = defineMessages(
  {
    close: 'Close',
    cancel: 'Cancel',
    save: 'Save',
    remove: 'Delete',
    undo: 'Undo',
    redo: 'Redo',
    untitled: '(no title)',
    viewer: 'view only',
    allDay: 'all day',
    loading: 'Loading…',
    events: (n: number) => (n === 1 ? '1 event' : `${n.toLocaleString('en')} events`),
  },
  {
    close: '닫기',
    cancel: '취소',
    save: '저장',
    remove: '삭제',
    undo: '실행 취소',
    redo: '다시 실행',
    untitled: '(제목 없음)',
    viewer: '보기 전용',
    allDay: '종일',
    loading: '불러오는 중…',
    events: (n: number) => `일정 ${n.toLocaleString('ko')}개`,
  },
)
