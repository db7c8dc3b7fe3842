/**
 * What happens in the demonstration, in order, each step checked before it is told. Two people and a relay, each a process
 * of its own with a directory of its own, on real ports of this machine.
 */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import type { NodeEvent, NodeIdentity } from '../../node/index.ts'
import { showWhy } from '../show.ts'
import { DemoFailed, type Actor, type Stage } from './actors.ts'
import { examine } from './evidence.ts'
import { must, Person, until } from './person.ts'

/** Tells a step, or shows lines below one. */
export interface Narrator {
  say(words: string): Promise<void>
  show(lines: readonly string[]): Promise<void>
}

const hello = 'Hello Bob! No server saw this.'
const answer = 'Hello Alice. Just you, me and a wire.'
const missed = ['Are you there?', 'The key is under the blue flowerpot.', 'Do not tell the relay.']

export async function tellStory(stage: Stage, dir: string, narrator: Narrator): Promise<void> {
  const relayDir = join(dir, 'relay')
  const { relay, address } = await startRelay(stage, relayDir, '/ip4/127.0.0.1/tcp/0')
  await narrator.say(
    `A relay is running in a process of its own, on port ${portOf(address)}. It keeps mail for people who are away.`,
  )

  const alice = new Person(stage, 'Alice', join(dir, 'alice'))
  const bob = new Person(stage, 'Bob', join(dir, 'bob'))
  const [aliceId, bobId] = await Promise.all([alice.begin(address), bob.begin(address)])
  await narrator.say(
    'Alice and Bob each made a profile: fresh keys on their own disk. Nobody had to be asked; there is no server.',
  )
  await Promise.all([alice.goOnline(), bob.goOnline()])
  await narrator.say('Both are online, each in a process of their own.')

  await meet(alice, bob, narrator)
  await talkDirectly(alice, bob, narrator)
  const sent = await writeToOffline(alice, bob, narrator)

  await relay.end('SIGKILL')
  const seized = join(dir, 'seized')
  cpSync(relayDir, seized, { recursive: true })
  await narrator.say(
    'The relay was killed (kill -9) in the middle of it all. We kept a copy of its disk, as a thief would.',
  )
  const again = await startRelay(stage, relayDir, `/ip4/127.0.0.1/tcp/${portOf(address)}`)
  must(again.address === address, `the relay came back as ${again.address}, not as ${address}`)
  await narrator.say('The relay was started again on the same port. Is what it had signed for still there?')

  await catchUp(alice, bob, sent, narrator)
  await lookAtDisk(seized, aliceId, bobId, narrator)
  await Promise.all([alice.goOffline(), bob.goOffline(), again.relay.end('SIGTERM')])
}

async function startRelay(
  stage: Stage,
  dir: string,
  listen: string,
): Promise<{ readonly relay: Actor; readonly address: string }> {
  const relay = stage.start('the relay', ['relay', '--data-dir', dir, '--listen', listen])
  const address = await relay.ready()
  must(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/\w+$/u.test(address), `the relay printed “${address}” for an address`)
  return { relay, address }
}

async function meet(alice: Person, bob: Person, narrator: Narrator): Promise<void> {
  await until('Alice is known at the relay', async () => {
    return (await alice.identity()).relays.every((one) => one.connected && one.preKeysLeft !== undefined)
  })
  const link = await alice.invite()
  await narrator.say('Alice made an invite and gave it to Bob (on paper, by mail, as a QR code):')
  await narrator.show([link.length > 100 ? `${link.slice(0, 97)}…` : link])
  await bob.add(link)
  await until('Bob knows Alice', async () => (await bob.contact('Alice'))?.state === 'added')
  await until('Alice knows Bob', async () => (await alice.contact('Bob'))?.state === 'added')
  await narrator.say('Bob added the link. They know each other now; the link works for nobody else.')
}

async function talkDirectly(alice: Person, bob: Person, narrator: Narrator): Promise<void> {
  await until('Alice and Bob are connected', async () => {
    const [there, back] = await Promise.all([alice.contact('Bob'), bob.contact('Alice')])
    return there?.online === true && back?.online === true
  })
  const { id } = await alice.send('Bob', hello, 'delivered')
  const heard = (await bob.receive()).filter(isMessage)
  must(
    heard.some((one) => one.text === hello && one.from === 'Alice' && one.via === 'direct'),
    `Bob did not hear “${hello}” from Alice directly`,
  )
  const way = (await alice.why(id)).attempts.map((one) => one.route)
  must(way.includes('direct'), `“${hello}” went by ${way.join(', ') || 'no route'}, not directly`)
  await narrator.say(
    `Alice to Bob: “${hello}” It went straight from process to process, encrypted; the relay was not involved.`,
  )
  await bob.send('Alice', answer, 'delivered')
  must(
    (await alice.receive()).filter(isMessage).some((one) => one.text === answer),
    `Alice did not read “${answer}”`,
  )
  await narrator.say(`Bob to Alice: “${answer}”`)
}

async function writeToOffline(alice: Person, bob: Person, narrator: Narrator): Promise<readonly string[]> {
  await bob.goOffline()
  await narrator.say('Bob went offline. His process has ended.')
  const sent: string[] = []
  for (const text of missed) {
    const { id, state } = await alice.send('Bob', text, 'stored')
    must(state === 'stored', `“${text}” is ${state}, not stored`)
    sent.push(id)
    await narrator.say(`Alice to Bob, who is away: “${text}” The relay has it on disk and signed for it.`)
  }
  const last = sent.at(-1) ?? ''
  const why = await alice.why(last)
  const held = why.devices.some((one) => one.state === 'stored' && one.heldBy !== undefined)
  must(held, 'why does not say who holds the message')
  await narrator.say('Where is the last message now? Alice asks: linnet why')
  await narrator.show(showWhy(why).split('\n'))
  return sent
}

async function catchUp(alice: Person, bob: Person, sent: readonly string[], narrator: Narrator): Promise<void> {
  await bob.goOnline()
  const read: string[] = []
  await until('Bob reads what he missed', async () => {
    read.push(...(await bob.receive()).filter(isMessage).map((one) => one.text ?? ''))
    return read.length >= missed.length
  })
  must(JSON.stringify(read) === JSON.stringify(missed), `Bob read ${JSON.stringify(read)}, not what Alice wrote`)
  await narrator.say('Bob came back and read it all, in order, each exactly once:')
  await narrator.show(read.map((text) => `Alice: ${text}`))
  await until('Alice learns that Bob has read it', async () => {
    const states = new Map((await alice.history('Bob')).map((one) => [one.id as string, one.state]))
    return sent.every((id) => states.get(id) === 'read')
  })
  await narrator.say('Alice sees every one of them as “read”: the receipts came back.')
}

async function lookAtDisk(dir: string, alice: NodeIdentity, bob: NodeIdentity, narrator: Narrator): Promise<void> {
  const senderIds = [alice.account, alice.device, alice.peerId]
  const { files, leaks, tables, waiting, unseen } = await examine(dir, [hello, answer, ...missed], senderIds, [
    bob.device,
  ])
  must(unseen.length === 0, 'the search did not even find whose mailbox it is, so it proves nothing')
  must(leaks.length === 0, `the relay's disk gives away ${leaks.join('; ')}`)
  if (waiting === undefined)
    throw new DemoFailed(`no waiting message on the relay's disk (${tables.map((one) => one.name).join(', ')})`)
  must(waiting.rows >= missed.length, `the relay's disk held ${waiting.rows} messages, not ${missed.length}`)
  const bytes = files.reduce((sum, one) => sum + one.bytes, 0)
  await narrator.say(
    `Now the stolen disk. We searched its ${files.length} files (${bytes} bytes) for every sentence above: not one is there. ` +
      'Nor does any waiting message say whom it is from; only for whom it waits.',
  )
  await narrator.say(
    `This is what stood there instead (table “${waiting.table}”, ${waiting.rows} rows; the last, ${waiting.sample.length} bytes):`,
  )
  await narrator.show(hexLines(waiting.sample, 3))
}

function isMessage(event: NodeEvent): event is Extract<NodeEvent, { type: 'message' }> {
  return event.type === 'message'
}

function portOf(address: string): string {
  return /\/tcp\/(\d+)/u.exec(address)?.[1] ?? '?'
}

function hexLines(bytes: Uint8Array, count: number): readonly string[] {
  const lines = Array.from({ length: count }, (_, line) =>
    Buffer.from(bytes.subarray(line * 32, line * 32 + 32)).toString('hex'),
  )
  return [...lines, '…']
}
