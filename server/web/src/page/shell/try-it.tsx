/** At the first visit: what to try. */

import { X } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useMessages } from '../i18n/messages'
import { useEveryone } from '../people/people'
import { messages } from './messages'

const DONE = 'crdt-calendar/tried'

export function TryIt() {
  const text = useMessages(messages)
  const [isDone, setDone] = useState(() => localStorage.getItem(DONE) !== null)
  const people = useEveryone()
  const isAlone = !people.length
  // Once somebody else has been here, nobody need be told; least of all when the line is gone.
  useEffect(() => {
    if (!isAlone) setDone(true)
  }, [isAlone])
  if (isDone || !isAlone) return null
  const done = () => {
    localStorage.setItem(DONE, '1')
    setDone(true)
  }
  return (
    <div className="try-it" role="note">
      <p>{text.tryIt}</p>
      <button
        type="button"
        className="button"
        onClick={() => {
          window.open(location.href, '_blank', 'popup,width=1000,height=760')
          done()
        }}
      >
        {text.openWindow}
      </button>
      <button type="button" className="icon-button" aria-label={text.dismiss} onClick={done}>
        <X size={18} aria-hidden />
      </button>
    </div>
  )
}
