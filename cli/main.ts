/**
 * The program: `node cli/main.ts …`. It joins the command line to the node and the relay, each loaded when needed, and keeps
 * what Node compiled of them, which halves the time every later command takes to start.
 */
import { enableCompileCache } from 'node:module'
import { cacheDir } from './places.ts'

// Whatever this process makes, sockets and databases included, is its user's alone.
process.umask(0o077)
enableCompileCache(cacheDir(process.env))

const { run } = await import('./program.ts')
const code = await run(process.argv.slice(2), {
  createNode: async (options) => (await import('../node/index.ts')).createNode(options),
})

// Everything has been closed by now; a library's forgotten timer must not keep the shell waiting.
process.exit(code)
