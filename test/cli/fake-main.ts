/** The program with a node that speaks to nobody: the real command line otherwise, the real relay included. */
import { enableCompileCache } from 'node:module'
import { cacheDir } from '../../cli/places.ts'

process.umask(0o077)
enableCompileCache(cacheDir(process.env))

const { run } = await import('../../cli/program.ts')
const { createFakeNode } = await import('./fake-node.ts')
const code = await run(process.argv.slice(2), {
  createNode: createFakeNode,
})
process.exit(code)
