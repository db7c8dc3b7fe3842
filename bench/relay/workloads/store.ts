/** Messages for people who are away: how fast they are promised, and how fast their owners come and take them. */
import { bodyOf, elapsed, inTurns, numbersOf, within, type Client, type Server, type Users } from '../contender.ts'
import { Effort } from '../effort.ts'
import { percentile, type Figures } from '../figures.ts'

export interface StorePlan {
  readonly messages: number
  /** Stored before the counting begins and drained with the rest: the server's hot paths are compiled, its files exist. */
  readonly warmUp: number
  readonly recipients: number
  readonly senders: number
  /** Messages of one sender that are not acknowledged. */
  readonly window: number
  readonly bytes: number
}

const storeMsMax = 120_000
const connectsAtOnce = 50

export async function storeAndDrain(server: Server, plan: StorePlan): Promise<Figures> {
  const recipients: Users = { first: 1_000, count: plan.recipients }
  await server.settle(recipients)
  const desks: Desk[] = numbersOf({ first: 0, count: plan.senders }).map(() => ({ acknowledged: undefined }))
  const senders = await inTurns([...desks.keys()], connectsAtOnce, (user) =>
    server.connect({ user, receives: false, acknowledged: (tag) => desks[user]?.acknowledged?.(tag) }),
  )
  await within(storeMsMax, 'warming up', deposit(senders, desks, recipients, { ...plan, first: 0, count: plan.warmUp }))
  const effort = new Effort(server.process)
  const all = { ...plan, first: plan.warmUp, count: plan.messages }
  const waits = await within(storeMsMax, 'storing', deposit(senders, desks, recipients, all))
  const { seconds } = effort
  const syncs = effort.syncs()
  const stored = {
    'store: server CPU, µs a message': effort.serverUs() / plan.messages,
    'store: messages/s': plan.messages / seconds,
    'store: acknowledged after, ms, median': percentile(waits, 0.5),
    'store: acknowledged after, ms, 99 %': percentile(waits, 0.99),
    'store: syncs per 1,000 messages': syncs === undefined ? undefined : (syncs / plan.messages) * 1_000,
    'store: load CPU, µs a message': effort.loadUs() / plan.messages,
    'store: others’ share of the machine': effort.othersShare(),
    'store: memory afterwards, MiB': server.process.memory() / 1_048_576,
  }
  await Promise.all(senders.map((sender) => sender.close()))
  await elapsed(500)
  return { ...stored, ...(await drain(server, recipients, plan.warmUp + plan.messages)) }
}

/** Where a sender's acknowledgements arrive; the warm-up and the counted run listen in turn. */
interface Desk {
  acknowledged: ((tag: number) => void) | undefined
}

interface Deposits extends StorePlan {
  /** Tags from here on, so many. */
  readonly first: number
  readonly count: number
}

/** Every sender keeps its window full until all are acknowledged; how many milliseconds each waited, sorted. */
function deposit(
  senders: readonly Client[],
  desks: readonly Desk[],
  recipients: Users,
  { first, count, window, bytes }: Deposits,
): Promise<Float64Array> {
  const waits = new Float64Array(count)
  const answered = new Uint8Array(count)
  let sent = 0
  let acknowledged = 0
  return new Promise((resolve) => {
    senders.forEach((sender, i) => {
      const desk = desks[i]
      if (desk === undefined) return
      const send = (): void => {
        if (sent === count) return
        const n = sent++
        waits[n] = performance.now()
        sender.send(recipients.first + (n % recipients.count), first + n, bodyOf(first + n, bytes))
      }
      desk.acknowledged = (tag) => {
        const n = tag - first
        if (n < 0 || answered[n] === 1) return
        answered[n] = 1
        waits[n] = performance.now() - (waits[n] ?? 0)
        acknowledged += 1
        if (acknowledged === count) resolve(waits.toSorted())
        else send()
      }
      for (let w = 0; w < window; w++) send()
    })
  })
}

/** All owners connect, take and acknowledge what there is; the clock runs from the first connection on. */
async function drain(server: Server, recipients: Users, expected: number): Promise<Figures> {
  const seen = new Uint8Array(expected)
  let [distinct, again] = [0, 0]
  const effort = new Effort(server.process)
  let seconds = 0
  const owners: Client[] = []
  await new Promise<void>((resolve, reject) => {
    const received = (tag: number): void => {
      if (seen[tag] === 1) again += 1
      else if (seen[tag] === 0) {
        seen[tag] = 1
        distinct += 1
        seconds = effort.seconds
        if (distinct === expected) resolve()
      }
    }
    const connected = inTurns(numbersOf(recipients), connectsAtOnce, async (user) => {
      owners.push(await server.connect({ user, receives: true, received }))
    })
    void within(storeMsMax, 'connecting', connected).catch(reject)
    setTimeout(resolve, storeMsMax).unref()
    void untilStill(() => distinct, drainIdleMsMax).then(resolve)
  })
  const figures = {
    'drain: server CPU, µs a message': effort.serverUs() / distinct,
    'drain: messages/s with connects': distinct / seconds,
    'drain: not delivered on this connection': expected - distinct,
    'drain: delivered twice': again,
  }
  await elapsed(200) // The last acknowledgements.
  await Promise.all(owners.map((owner) => owner.close()))
  return figures
}

/** Nothing came for so long: whatever is missing is not coming. */
const drainIdleMsMax = 8_000

async function untilStill(count: () => number, idleMsMax: number): Promise<void> {
  for (let before = -1; count() !== before;) {
    before = count()
    await elapsed(idleMsMax)
  }
}
