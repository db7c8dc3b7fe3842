/** A relay in a process of its own; says its address when it serves. */
import { createRelay } from '../../relay/index.ts'

const options = JSON.parse(process.argv[2] ?? '{}') as Parameters<typeof createRelay>[0]
const relay = await createRelay(options)
await relay.start()
process.stdout.write(`${JSON.stringify({ ready: relay.addresses[0] })}\n`)
process.on('SIGTERM', () => void relay.stop().then(() => process.exit(0)))
