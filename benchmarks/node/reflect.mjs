// What a stock client sends back: lines of hexadecimal awareness updates in, one line out for each.
//
// The client is y-protocols' Awareness with the handler that y-websocket gives it. The first line
// is the client's own id; a line "own N" sets its own state to N.
import { createInterface } from 'node:readline'
import * as Y from 'yjs'
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from 'y-protocols/awareness'

const doc = new Y.Doc()
let awareness = null
let answer = ''

const begin = ident => {
  doc.clientID = Number(ident)
  awareness = new Awareness(doc)
  awareness.on('update', ({ added, updated, removed }) => {
    const changed = added.concat(updated).concat(removed)
    answer = Buffer.from(encodeAwarenessUpdate(awareness, changed)).toString('hex')
  })
}

for await (const line of createInterface({ input: process.stdin })) {
  answer = ''
  if (awareness === null) begin(line)
  else if (line.startsWith('own ')) awareness.setLocalState({ n: Number(line.slice(4)) })
  else applyAwarenessUpdate(awareness, Buffer.from(line, 'hex'), 'server')
  console.log(answer)
}
process.exit(0)
