/** A relay that is told to end, as its people see it: real processes, over real TCP. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { linesOf, openShell, realMain, type Running } from '../cli/shell.ts'
import { freePort } from './ports.ts'
import { Person, scratch } from './processes.ts'

/** In which a relay promises to have ended, and a little for a busy machine. */
const endMsMax = 8_000 + 2_000

let folder: ReturnType<typeof scratch>
const people: Person[] = []

beforeEach(() => {
  folder = scratch()
})

afterEach(async () => {
  await Promise.all(people.splice(0).map((one) => one.kill()))
  folder.remove()
})

interface Site {
  readonly running: Running
  readonly address: string
  readonly port: number
  readonly at: readonly string[]
}

async function relay(shell: ReturnType<typeof openShell>, name: string, port: number, elsewhere = ''): Promise<Site> {
  const at = ['--data-dir', folder.path(name)]
  const args = ['relay', 'run', ...at, '--listen', `/ip4/127.0.0.1/tcp/${port}`]
  const running = shell.start(args, undefined, elsewhere === '' ? {} : { LINNET_RELAY_DRAIN_ELSEWHERE: elsewhere })
  const [address = ''] = linesOf(await running.says('\n'))
  return { running, address, port, at }
}

async function person(name: string, relays: readonly string[]): Promise<Person> {
  const listen = ['/ip4/127.0.0.1/tcp/0']
  const someone = new Person(() => ({ dataDir: folder.path(name), name, relays, listen, lan: false }))
  people.push(someone)
  await someone.start()
  return someone
}

async function connectedTo(someone: Person): Promise<readonly string[]> {
  const { relays } = await someone.ask({ op: 'identity' })
  return relays.filter(({ connected }) => connected).map((one) => one.relay)
}

/** Milliseconds until somebody connects to this port, where nothing else listens. */
async function untilDialled(port: number): Promise<number> {
  const server = createServer((socket) => socket.destroy())
  const startMs = performance.now()
  server.listen(port, '127.0.0.1')
  await once(server, 'connection', { signal: AbortSignal.timeout(20_000) })
  const tookMs = performance.now() - startMs
  server.close()
  await once(server, 'close')
  return tookMs
}

test('its people are told, keep to their other relays, move to none they do not know, and come back without haste', async () => {
  const shell = openShell(realMain)
  const stranger = await relay(shell, 'stranger', await freePort())
  const [ending, other] = [
    await relay(shell, 'ending', await freePort(), stranger.address),
    await relay(shell, 'other', await freePort()),
  ]
  const bob = await person('bob', [ending.address, other.address])
  await expect.poll(() => connectedTo(bob), { timeout: 15_000 }).toEqual([ending.address, other.address])

  const startMs = performance.now()
  ending.running.child.kill('SIGTERM')
  expect((await ending.running.ended).code).toBe(0)
  expect(performance.now() - startMs).toBeLessThan(endMsMax)
  const dialledMs = await untilDialled(ending.port)
  expect(dialledMs).toBeGreaterThan(3_000)

  expect(await connectedTo(bob)).toEqual([other.address])
  const { findings, well } = await bob.ask({ op: 'doctor' })
  const about = findings.find((one) => one.about === `relay ${ending.address}`)
  expect([about?.state, about?.says, well]).toEqual([
    'poor',
    `is shutting down, or has; it names ${stranger.address}`,
    true,
  ])
  const [unasked] = await shell.json('relay', 'status', ...stranger.at)
  expect(unasked).toMatchObject({ connections: 0, mailboxes: 0 })

  await relay(shell, 'ending', ending.port)
  await expect.poll(() => connectedTo(bob), { timeout: 40_000 }).toContain(ending.address)
  const { relays } = await bob.ask({ op: 'identity' })
  expect(JSON.stringify(relays)).not.toContain(stranger.address)
})

test('who writes to somebody of it goes to their other relay at once', async () => {
  const shell = openShell(realMain)
  const [first, second] = [
    await relay(shell, 'first', await freePort()),
    await relay(shell, 'second', await freePort()),
  ]
  const alice = await person('alice', [])
  const bob = await person('bob', [first.address, second.address])
  await expect.poll(() => connectedTo(bob), { timeout: 15_000 }).toHaveLength(2)
  await alice.ask({ op: 'add', link: await bob.ask({ op: 'invite' }) })
  await bob.event(({ event }) => event.type === 'contact' && event.state === 'added')
  await bob.kill()
  const heldBy = async (text: string): Promise<string | undefined> => {
    const { id } = await alice.ask({ op: 'send', who: 'bob', text })
    expect(await alice.ask({ op: 'wait', id, state: 'stored' })).toBe('stored')
    return (await alice.ask({ op: 'why', id })).devices[0]?.heldBy
  }
  expect(await heldBy('one')).toBe(first.address)
  first.running.child.kill('SIGTERM')
  const startMs = performance.now()
  expect(await heldBy('two')).toBe(second.address)
  expect(performance.now() - startMs).toBeLessThan(3_000)
  expect((await first.running.ended).code).toBe(0)
})
