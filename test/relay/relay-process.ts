/**
 * A relay in a process of its own, to be killed. Told its directory, limits, where to listen and where to keep things; prints
 * its address when it is ready, and what it logs.
 */
import { createRelay, type AllLimits, type StoreChoice } from '../../relay/index.ts'

const [dataDir = '', limits = '{}', listen = '/ip4/127.0.0.1/tcp/0', store = '"sqlite"'] = process.argv.slice(2)
const relay = await createRelay({
  dataDir,
  listen: [listen],
  limits: JSON.parse(limits) as Partial<AllLimits>,
  store: JSON.parse(store) as StoreChoice,
  log: (entry) => process.stdout.write(`${JSON.stringify(entry)}\n`),
})
await relay.start()
process.stdout.write(`${relay.addresses[0] ?? ''}\n`)
