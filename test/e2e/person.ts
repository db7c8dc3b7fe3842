/**
 * A person in a process of their own: the library, driven by JSON lines on standard input, answering on standard output.
 * Every event is printed as it is told; it is acknowledged only when the test says so.
 */
import { createInterface } from 'node:readline'
import { createNode, type LinnetNode, type NodeOptions } from '../../node/index.ts'

/** What the test may ask; `n` comes back in the answer. */
export type Ask =
  | { readonly n: number; readonly op: 'identity' }
  | { readonly n: number; readonly op: 'invite' }
  | { readonly n: number; readonly op: 'add'; readonly link: string; readonly name?: string }
  | { readonly n: number; readonly op: 'contacts' }
  | { readonly n: number; readonly op: 'accept'; readonly who: string }
  | { readonly n: number; readonly op: 'send'; readonly who: string; readonly text: string }
  | { readonly n: number; readonly op: 'wait'; readonly id: string; readonly state: 'stored' | 'delivered' | 'read' }
  | { readonly n: number; readonly op: 'history'; readonly who: string; readonly limit: number }
  | { readonly n: number; readonly op: 'why'; readonly id: string }
  | { readonly n: number; readonly op: 'relays'; readonly relays: readonly string[] }
  | { readonly n: number; readonly op: 'ack'; readonly upTo: number }
  | { readonly n: number; readonly op: 'typing'; readonly who: string }
  | { readonly n: number; readonly op: 'doctor' }
  | { readonly n: number; readonly op: 'stop' }

const options = JSON.parse(process.argv[2] ?? '{}') as NodeOptions

const node = await createNode({
  ...options,
  log: (entry) => {
    if (entry.level === 'error') say({ log: entry })
  },
})
node.on('event', (stored) => say({ event: stored }))
node.on('presence', (presence) => say({ presence }))
node.on('fatal', (error) => {
  say({ fatal: error.message })
  process.exit(1)
})
await node.start()
for (const stored of node.events(0, 1_000_000)) say({ event: stored })
say({ ready: true })

createInterface({ input: process.stdin }).on('line', (line) => void answer(JSON.parse(line) as Ask))

async function answer(ask: Ask): Promise<void> {
  try {
    say({ n: ask.n, ok: await act(node, ask) })
  } catch (error) {
    say({ n: ask.n, error: error instanceof Error ? error.message : String(error) })
  }
  if (ask.op === 'stop') process.exit(0)
}

async function act(person: LinnetNode, ask: Ask): Promise<unknown> {
  switch (ask.op) {
    case 'identity':
      return person.identity()
    case 'invite':
      return person.invite()
    case 'add':
      return person.add(ask.link, ask.name)
    case 'contacts':
      return person.contacts()
    case 'accept':
      return person.accept(ask.who)
    case 'send':
      return person.send(ask.who, ask.text)
    case 'wait':
      return person.waitFor(ask.id as Parameters<LinnetNode['waitFor']>[0], ask.state, 60_000)
    case 'history':
      return person.history(ask.who, { limit: ask.limit })
    case 'why':
      return person.why(ask.id as Parameters<LinnetNode['why']>[0])
    case 'relays':
      return person.setRelays(ask.relays)
    case 'ack':
      return person.acknowledge(ask.upTo)
    case 'typing':
      return person.typing(ask.who)
    case 'doctor':
      return person.doctor()
    case 'stop':
      return person.stop()
  }
}

function say(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
