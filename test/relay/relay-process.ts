/** A relay in a process of its own, to be killed. Prints its address when it is ready. */
import { createRelay } from '../../relay/index.ts'

const [dataDir = '', port = '0'] = process.argv.slice(2)
const relay = await createRelay({ dataDir, listen: [`/ip4/127.0.0.1/tcp/${port}`] })
await relay.start()
process.stdout.write(`${relay.addresses[0] ?? ''}\n`)
