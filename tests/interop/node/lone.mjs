// One stock client, alone in a room for so many seconds; prints what became of its connection.
import WebSocket from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

const [url, room, token, seconds] = process.argv.slice(2)
const told = { opens: 0, closes: [] }
const provider = new WebsocketProvider(url, room, new Y.Doc(), {
  params: { token },
  disableBc: true,
  WebSocketPolyfill: WebSocket
})
provider.on('status', ({ status }) => { if (status === 'connected') told.opens++ })
provider.on('connection-close', (event) => { told.closes.push(event && event.code) })
setTimeout(() => {
  process.stdout.write(`${JSON.stringify({ ...told, connected: provider.wsconnected })}\n`)
  process.exit(0)
}, seconds * 1000)
