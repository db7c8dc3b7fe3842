/** The program with a node that speaks to nobody: the real command line otherwise, the real relay included. */
import { run } from '../../cli/program.ts'
import { createFakeNode } from './fake-node.ts'

process.umask(0o077)
const code = await run(process.argv.slice(2), {
  createNode: createFakeNode,
  createRelay: async (options) => (await import('../../relay/index.ts')).createRelay(options),
})
process.exit(code)
