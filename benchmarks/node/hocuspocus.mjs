// @hocuspocus/server with its defaults, quiet: node hocuspocus.mjs PORT
import { Server } from '@hocuspocus/server'

const server = new Server({ address: '127.0.0.1', port: Number(process.argv[2]), quiet: true })
await server.listen()
