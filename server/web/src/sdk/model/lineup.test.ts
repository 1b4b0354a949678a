import { describe, expect, it, vi } from 'vitest'
import * as Y from 'yjs'
import { openLineup } from './lineup'

const ann = { id: 'ann' }

function raw(doc: Y.Doc) {
  return doc.getMap('lineups').toJSON() as Record<string, Record<string, unknown>>
}

describe('a line-up board', () => {
  it('writes what differs, in one transaction, as the contract says', () => {
    const doc = new Y.Doc()
    const board = openLineup(doc, ann)
    const id = board.create({ name: 'Kim' })
    const updates = vi.fn()
    doc.on('update', updates)
    board.write(id, { name: 'Kim', gbsNumber: 3 })
    board.write(id, { name: 'Kim', gbsNumber: 3 })
    expect(updates).toHaveBeenCalledTimes(1)
    expect(raw(doc)[id]).toMatchObject({ name: 'Kim', gbsNumber: 3, sequence: 1 })
    expect(raw(doc)[id]?.updated).toMatchObject({ by: 'ann' })
    board.write(id, { gbsNumber: null })
    expect(raw(doc)[id]).not.toHaveProperty('gbsNumber')
    board.close()
  })

  it('keeps memos, and those of others', () => {
    const doc = new Y.Doc()
    const board = openLineup(doc, ann)
    const id = board.create({ name: 'Kim' })
    const memo = board.writeMemo(id, { text: 'late', color: '#2f9e58' })
    expect(board.row(id)?.memos).toMatchObject([
      { id: memo, text: 'late', color: '#2f9e58', by: 'ann' },
    ])
    board.writeMemo(id, { text: 'on time', color: '' }, memo)
    expect(board.row(id)?.memos).toMatchObject([{ id: memo, text: 'on time', color: '' }])
    board.removeMemo(id, memo)
    expect(board.row(id)?.memos).toEqual([])
    board.close()
  })

  it('reads whatever others have written', () => {
    const doc = new Y.Doc()
    const lineups = doc.getMap('lineups')
    const map = (values: Record<string, unknown>) => new Y.Map(Object.entries(values))
    lineups.set('stray', 'text')
    lineups.set('odd', map({ name: 7, gbsNumber: -1, 'memo/a': 'no memo', deleted: 'yes' }))
    lineups.set('gone', map({ name: 'x', deleted: { by: 'bob', at: '2026-01-01T00:00:00Z' } }))
    lineups.set('7', map({ name: 'Lee', grade: 3, 'memo/b': { text: 'fine' } }))
    const { rows } = openLineup(doc, ann).getSnapshot()
    expect(rows).toEqual([
      { id: 'odd', name: '', gbsNumber: null, memos: [], others: {} },
      {
        id: '7',
        name: 'Lee',
        gbsNumber: null,
        memos: [{ id: 'b', text: 'fine', color: '', by: '', at: '' }],
        others: { grade: 3 },
      },
    ])
  })

  it('keeps rows the same objects until they change, and tells', () => {
    const doc = new Y.Doc()
    const board = openLineup(doc, ann)
    const [kim, lee] = [board.create({ name: 'Kim' }), board.create({ name: 'Lee' })]
    const before = board.getSnapshot()
    const listener = vi.fn()
    board.subscribe(listener)
    board.write(lee, { gbsNumber: 1 })
    expect(listener).toHaveBeenCalledTimes(1)
    expect(board.getSnapshot().rows[0]).toBe(before.rows[0])
    expect(board.row(kim)).toBe(before.rows[0])
    expect(board.getSnapshot().rows[1]).not.toBe(before.rows[1])
  })

  it('undoes edits of its own, and a removal is no end', () => {
    const doc = new Y.Doc()
    const board = openLineup(doc, ann)
    const id = board.create({ name: 'Kim' })
    expect(board.history.getSnapshot().canUndo).toBe(false)
    board.write(id, { gbsNumber: 1 })
    board.write(id, { gbsNumber: 2 })
    board.history.undo()
    expect(board.row(id)?.gbsNumber).toBe(1)
    board.history.redo()
    expect(board.row(id)?.gbsNumber).toBe(2)
    board.remove(id)
    expect(board.row(id)).toBeUndefined()
    board.restore(id)
    expect(board.row(id)?.name).toBe('Kim')
  })
})
