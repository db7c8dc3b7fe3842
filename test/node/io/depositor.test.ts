import { expect, test } from 'vitest'
import { systemRandom } from '../../../protocol/crypto/primitives.ts'
import type { MailboxFrame } from '../../../protocol/wire/mailbox.ts'
import { Anonymous, type AnonymousInit } from '../../../node/io/anonymous.ts'
import { Depositor, type DepositorInit } from '../../../node/io/depositor.ts'
import {
  atEnd,
  cableTo,
  deadPort,
  envelope,
  Heard,
  silentPort,
  someDevice,
  startDevice,
  startRelay,
} from './support.ts'

type Deposit = Extract<MailboxFrame, { kind: 'deposit' }>

function stored({ mailbox, envelope: { id, expiresMs } }: Deposit): MailboxFrame {
  const signature = systemRandom.bytes(64)
  return { kind: 'stored', receipt: { taken: [{ mailbox, id, storedMs: 1, expiresMs }], signature } }
}

const storing = (frame: MailboxFrame, send: (answer: MailboxFrame) => void): void => {
  if (frame.kind === 'deposit') send(stored(frame))
}

function startDepositor(init: Partial<DepositorInit> & AnonymousInit = {}): { heard: Heard; depositor: Depositor } {
  const heard = new Heard()
  const anonymous = new Anonymous(init)
  const depositor = new Depositor({ push: heard.push, anonymous, ...init })
  atEnd(async () => {
    depositor.close()
    await anonymous.stop()
  })
  return { heard, depositor }
}

const somePeer = '12D3KooWQJzcxEXLf1u6BacCyJipwuvGbynJUWYzPSRMtuCKq4TC'

test('a deposit is answered by the relay, whatever it says', async () => {
  const full = someDevice()
  const { relay } = await startRelay((frame, send) => {
    if (frame.kind !== 'deposit') return
    const { id, urgency } = frame.envelope
    if (frame.mailbox === full) {
      send({ kind: 'refused', id, reason: 'full', retryMs: 9_000 })
      send({ kind: 'room', mailbox: full })
    } else if (urgency === 0) send({ kind: 'delivered', ids: [id] })
    else {
      send(stored(frame))
      send({ kind: 'lost', id, reason: 'pruned' })
    }
  })
  const { heard, depositor } = startDepositor()
  const [one, two, three] = [envelope(), { ...envelope(), urgency: 0 }, envelope(100_000)]
  depositor.deposit(relay, someDevice(), one)
  depositor.deposit(relay, someDevice(), two)
  depositor.deposit(relay, full, three)
  const answers = await heard.count('deposit-answered', 3)
  expect(answers).toMatchObject([
    { relay, id: one.id, answer: { kind: 'stored', receipt: { taken: [{ id: one.id }] } } },
    { relay, id: two.id, answer: { kind: 'delivered' } },
    { relay, mailbox: full, id: three.id, answer: { kind: 'refused', reason: 'full', retryMs: 9_000 } },
  ])
  expect(await heard.count('loss-noticed', 1)).toMatchObject([{ relay, id: one.id, reason: 'pruned' }])
  expect(await heard.count('room-noticed', 1)).toEqual([{ kind: 'room-noticed', relay, mailbox: full }])
})

test('a relay that is killed midway leaves every deposit with exactly one answer', async () => {
  let answered = 0
  const { relay, stop } = await startRelay((frame, send, stream) => {
    if (frame.kind !== 'deposit' || answered >= 20) return
    send(stored(frame))
    if (++answered === 20) setImmediate(() => stream.abort(new Error('killed')))
  })
  const { heard, depositor } = startDepositor()
  const envelopes = Array.from({ length: 60 }, () => envelope(2_000))
  for (const one of envelopes.slice(0, 50)) depositor.deposit(relay, someDevice(), one)
  await heard.count('deposit-answered', 50)
  await stop()
  for (const one of envelopes.slice(50)) depositor.deposit(relay, someDevice(), one)
  const answers = await heard.count('deposit-answered', 60)
  expect(new Set(answers.map(({ id }) => id))).toEqual(new Set(envelopes.map(({ id }) => id)))
  expect(answers.filter(({ answer }) => answer.kind === 'stored').length).toBeLessThanOrEqual(20)
  expect(answers.at(-1)).toMatchObject({ answer: { kind: 'unreachable', reason: 'connection refused' } })
})

test('one dead relay never delays another', async () => {
  const { relay } = await startRelay(storing)
  const { heard, depositor } = startDepositor({ reach: { dialMsMax: 60_000 } })
  const silent = `${await silentPort()}/p2p/${somePeer}`
  depositor.deposit(silent, someDevice(), envelope())
  for (let i = 0; i < 10; i++) depositor.deposit(relay, someDevice(), envelope())
  const answers = await heard.count('deposit-answered', 10)
  expect(answers.map((answer) => answer.relay)).toEqual(Array.from({ length: 10 }, () => relay))
})

test('a relay nobody listens at fails all that waits, at once and for a reason', async () => {
  const { heard, depositor } = startDepositor()
  const relay = `${await deadPort()}/p2p/${somePeer}`
  for (let i = 0; i < 5; i++) depositor.deposit(relay, someDevice(), envelope())
  depositor.deposit('nonsense', someDevice(), envelope())
  const answers = await heard.count('deposit-answered', 6)
  const reasons = answers.map(({ answer }) => (answer.kind === 'unreachable' ? answer.reason : answer.kind))
  expect(reasons.toSorted()).toEqual([
    ...Array.from({ length: 5 }, () => 'connection refused'),
    'not an address that can be dialled',
  ])
})

test('a relay that takes a deposit and keeps silent is given up after a while', async () => {
  const { relay } = await startRelay(() => undefined)
  const { heard, depositor } = startDepositor({ answerMsMax: 100 })
  const mailbox = someDevice()
  const one = envelope()
  depositor.deposit(relay, mailbox, one)
  const answer = { kind: 'unreachable', reason: 'no answer' }
  expect(await heard.next('deposit-answered')).toEqual({ kind: 'deposit-answered', relay, mailbox, id: one.id, answer })
})

test('a relay cut off without a word is noticed by the pulse', async () => {
  const { relay } = await startRelay(() => cable.cut())
  const [address = '', peer = ''] = relay.split('/p2p/')
  const cable = await cableTo(address)
  const { heard, depositor } = startDepositor({ pulse: { intervalMs: 50, answerMsMax: 100 } })
  depositor.deposit(`${cable.address}/p2p/${peer}`, someDevice(), envelope())
  expect(await heard.next('deposit-answered')).toMatchObject({ answer: { kind: 'unreachable' } })
})

test('the same envelope deposited twice at once is one question, and two answers', async () => {
  const { relay, frames } = await startRelay(storing)
  const { heard, depositor } = startDepositor()
  const one = envelope()
  const mailbox = someDevice()
  depositor.deposit(relay, mailbox, one)
  depositor.deposit(relay, mailbox, one)
  await heard.count('deposit-answered', 2)
  expect(frames.length).toBe(1)
})

test('large deposits are sent as answers come, so that none starts its deadline in a queue', async () => {
  let unanswered = 0
  let worst = 0
  const { relay } = await startRelay((frame, send) => {
    worst = Math.max(worst, ++unanswered)
    setImmediate(() => {
      unanswered--
      storing(frame, send)
    })
  })
  const { heard, depositor } = startDepositor()
  for (let i = 0; i < 20; i++) depositor.deposit(relay, someDevice(), envelope(100_000))
  const answers = await heard.count('deposit-answered', 20)
  expect(answers.every(({ answer }) => answer.kind === 'stored')).toBe(true)
  expect(worst).toBeLessThanOrEqual(2)
})

test('a relay sees someone it has never seen, and someone else after a while', async () => {
  const { relay, visitors, host } = await startRelay(storing)
  const alice = await startDevice()
  alice.network.perform({ kind: 'deposit', relay, mailbox: someDevice(), envelope: envelope() })
  await alice.heard.next('deposit-answered')
  const seen = new Set([...visitors, ...host.getPeers().map(String)])
  const deviceSeen = [...seen].some((peer) => alice.network.addresses().some((address) => address.includes(peer)))
  expect([seen.size, deviceSeen]).toEqual([1, false])
  expect(host.getConnections().every(({ remoteAddr }) => !remoteAddr.toString().includes(alice.address))).toBe(true)

  let nowMs = 0
  const { heard, depositor } = startDepositor({ nowMs: () => nowMs })
  const visitorsAt = async (ms: number): Promise<number> => {
    nowMs = ms
    depositor.deposit(relay, someDevice(), envelope())
    await heard.next('deposit-answered')
    return new Set(visitors).size
  }
  const hourMs = 3_600_000
  expect([await visitorsAt(0), await visitorsAt(hourMs - 1), await visitorsAt(hourMs)]).toEqual([2, 2, 3])
})

test('a stream with nothing to do is closed, and opened again when there is', async () => {
  const { relay, visitors } = await startRelay(storing)
  const { heard, depositor } = startDepositor({ idleMsMax: 0 })
  for (let i = 1; i <= 3; i++) {
    depositor.deposit(relay, someDevice(), envelope())
    await heard.next('deposit-answered')
    await new Promise((resolve) => setTimeout(resolve, 5)) // Lets the idle timer, which is due at once, have its turn.
  }
  expect(visitors.length).toBe(3)
  expect(new Set(visitors).size).toBe(1)
})

test('what a relay must not say to a depositor ends the stream', async () => {
  const { relay } = await startRelay((_, send) => send({ kind: 'page', envelopes: [], empty: true }))
  const { heard, depositor } = startDepositor()
  depositor.deposit(relay, someDevice(), envelope())
  expect(await heard.next('deposit-answered')).toMatchObject({ answer: { kind: 'unreachable' } })
})

test('a relay that is about to end answers what it has, and what comes after that goes another way at once', async () => {
  const answers: (() => void)[] = []
  const { relay, frames } = await startRelay((frame, send) => {
    if (frame.kind !== 'deposit') return
    if (answers.length === 0) send({ kind: 'closing', elsewhere: [] })
    answers.push(() => send(stored(frame)))
  })
  const { heard, depositor } = startDepositor()
  const [early, held, late] = [[envelope(131_000), envelope(131_000)], envelope(100_000), envelope()]
  for (const one of [...early, held]) depositor.deposit(relay, someDevice(), one) // The last waits here for an answer.
  const why = { kind: 'unreachable', reason: 'the relay is shutting down' }
  expect(await heard.next('deposit-answered')).toMatchObject({ id: held.id, answer: why })
  depositor.deposit(relay, someDevice(), late)
  expect(await heard.next('deposit-answered')).toMatchObject({ id: late.id, answer: why })
  await expect.poll(() => answers.length).toBe(2)
  for (const answer of answers) answer()
  const rest = (await heard.count('deposit-answered', 4)).slice(2)
  expect(rest.map(({ id, answer }) => [id, answer.kind])).toEqual(early.map(({ id }) => [id, 'stored']))
  expect(frames).toHaveLength(2)
})
