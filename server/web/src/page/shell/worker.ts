/** The service worker: the page opens without a network. */

import { toast } from 'sonner'
import { currentMessages } from '../i18n/messages'
import { messages } from './messages'

/** Register it, and say when there is a new version of the page. */
export function registerWorker(): void {
  if (!('serviceWorker' in navigator)) return
  const isUpdate = navigator.serviceWorker.controller !== null
  navigator.serviceWorker.register('/sw.js').catch(() => undefined)
  navigator.serviceWorker.addEventListener('controllerchange', () => {
    if (!isUpdate) return
    const text = currentMessages(messages)
    toast(text.newVersion, {
      duration: Number.POSITIVE_INFINITY,
      action: { label: text.reload, onClick: () => location.reload() },
    })
  })
}
