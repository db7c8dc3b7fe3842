/** Pairs who are both there: how late messages arrive at a given rate, and how many a second there can be at most. */
import { bodyOf, elapsed, inTurns, numbersOf, type Client, type Server } from '../contender.ts'
import { Effort } from '../effort.ts'
import { percentile, type Figures } from '../figures.ts'

export interface OnlinePlan {
  readonly pairs: number
  readonly bytes: number
  /** Messages a second of all pairs together, one run each. */
  readonly rates: readonly number[]
  readonly seconds: number
  /** Messages of one pair that are on their way, when as many as possible are sent. */
  readonly window: number
}

const warmUp = { rate: 500, seconds: 2 }
/** Each rate is kept for so long before it counts: servers that compile as they run do so when the load changes. */
const warmUpSeconds = 2
/** As fine as a timer gets: a message may leave so long after its time, and no longer, without that counting as a delay. */
const tickMs = 1
/** What is still on its way when the sending ends. */
const settleMsMax = 3_000
const connectsAtOnce = 25

export async function online(server: Server, plan: OnlinePlan): Promise<Figures> {
  const talk = await Talk.begin(server, plan)
  await talk.steadily(warmUp.rate, warmUp.seconds)
  const figures: Record<string, number | undefined> = {}
  for (const rate of plan.rates) {
    await talk.steadily(rate, warmUpSeconds)
    Object.assign(figures, labelled(`online ${rate.toLocaleString('en')}/s`, await talk.steadily(rate, plan.seconds)))
  }
  Object.assign(figures, labelled('online at most', await talk.asFastAsPossible()))
  await talk.end()
  return figures
}

function labelled(label: string, figures: Figures): Figures {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${label}: ${name}`, value]))
}

class Talk {
  readonly #server: Server
  readonly #plan: OnlinePlan
  readonly #senders: Client[] = []
  readonly #recipients: Client[] = []
  #run = new Run(0, 0)

  private constructor(server: Server, plan: OnlinePlan) {
    this.#server = server
    this.#plan = plan
  }

  static async begin(server: Server, plan: OnlinePlan): Promise<Talk> {
    const talk = new Talk(server, plan)
    const recipients = { first: firstRecipient, count: plan.pairs }
    await server.settle(recipients)
    const received = (tag: number): void => talk.#run.received(tag)
    const acknowledged = (tag: number): void => talk.#run.acknowledged(tag)
    const connect = server.connect
    talk.#recipients.push(
      ...(await inTurns(numbersOf(recipients), connectsAtOnce, (user) => connect({ user, receives: true, received }))),
    )
    const senders = numbersOf({ first: 100, count: plan.pairs })
    talk.#senders.push(
      ...(await inTurns(senders, connectsAtOnce, (user) => connect({ user, receives: false, acknowledged }))),
    )
    await elapsed(300)
    return talk
  }

  /** Messages leave when they are due, whatever has become of those before them; that the load itself is late is a delay as well. */
  async steadily(rate: number, seconds: number): Promise<Figures> {
    const count = rate * seconds
    const run = (this.#run = new Run(this.#run.end, count))
    const effort = new Effort(this.#server.process)
    const beganMs = performance.now()
    const dueMs = (n: number): number => beganMs + (n * 1_000) / rate
    for (let sent = 0; sent < count;) {
      for (; sent < count && dueMs(sent) <= performance.now(); sent++) {
        this.#send(sent % this.#plan.pairs, run, Math.min(performance.now(), dueMs(sent) + tickMs))
      }
      await elapsed(tickMs)
    }
    await run.allDone(settleMsMax)
    return {
      'server CPU, µs a message': effort.serverUs() / run.bothWays,
      'arrives after, ms, median': run.arrival(0.5),
      'arrives after, ms, 99 %': run.arrival(0.99),
      'acknowledged after, ms, 99 %': run.acknowledgement(0.99),
      'not arrived and acknowledged in time, %': (100 * (count - run.bothWays)) / count,
      'others’ share of the machine': effort.othersShare(),
    }
  }

  /** Each pair sends its next when one has both arrived and been acknowledged. */
  async asFastAsPossible(): Promise<Figures> {
    const { pairs, window, seconds } = this.#plan
    const pairOf: number[] = []
    let isOver = false
    const run = (this.#run = new Run(this.#run.end, closedLoopMax))
    const send = (pair: number): void => {
      if (isOver || run.sent === closedLoopMax) return
      pairOf[run.sent] = pair
      this.#send(pair, run)
    }
    run.done = (n) => send(pairOf[n] ?? 0)
    const effort = new Effort(this.#server.process)
    for (let i = 0; i < pairs * window; i++) send(i % pairs)
    await elapsed(seconds * 1_000)
    const figures = {
      'server CPU, µs a message': effort.serverUs() / run.bothWays,
      'messages/s': run.bothWays / effort.seconds,
      'load CPU, µs a message': effort.loadUs() / run.bothWays,
      'others’ share of the machine': effort.othersShare(),
    }
    isOver = true
    await elapsed(settleMsMax / 3)
    return figures
  }

  async end(): Promise<void> {
    await Promise.all([...this.#senders, ...this.#recipients].map((client) => client.close()))
  }

  #send(pair: number, run: Run, leftMs = performance.now()): void {
    const tag = run.begin(leftMs)
    this.#senders[pair]?.send(firstRecipient + pair, tag, bodyOf(tag, this.#plan.bytes))
  }
}

const firstRecipient = 2_000
/** Messages of one closed loop at most. */
const closedLoopMax = 400_000

/** One measurement: when each of its messages left, and what has become of it. */
class Run {
  /** Told of each that has both arrived and been acknowledged. */
  done: (n: number) => void = () => undefined
  sent = 0
  bothWays = 0
  readonly #first: number
  readonly #leftMs: Float64Array
  readonly #arrivedAfter: Float64Array
  readonly #acknowledgedAfter: Float64Array

  constructor(first: number, max: number) {
    this.#first = first
    this.#leftMs = new Float64Array(max)
    this.#arrivedAfter = new Float64Array(max)
    this.#acknowledgedAfter = new Float64Array(max)
  }

  /** The first tag that is not this run's. */
  get end(): number {
    return this.#first + this.#leftMs.length
  }

  begin(leftMs: number): number {
    this.#leftMs[this.sent] = leftMs
    return this.#first + this.sent++
  }

  received(tag: number): void {
    this.#note(tag, this.#arrivedAfter, this.#acknowledgedAfter)
  }

  acknowledged(tag: number): void {
    this.#note(tag, this.#acknowledgedAfter, this.#arrivedAfter)
  }

  async allDone(msMax: number): Promise<void> {
    for (let waitedMs = 0; this.bothWays < this.sent && waitedMs < msMax; waitedMs += 20) await elapsed(20)
  }

  arrival(share: number): number | undefined {
    return percentile(this.#sorted(this.#arrivedAfter), share)
  }

  acknowledgement(share: number): number | undefined {
    return percentile(this.#sorted(this.#acknowledgedAfter), share)
  }

  /** What has not come by now is among the slowest, and not left out. */
  #sorted(after: Float64Array): Float64Array {
    return after
      .subarray(0, this.sent)
      .map((ms) => (ms > 0 ? ms : Number.POSITIVE_INFINITY))
      .toSorted()
  }

  /** Tags of a run before this one are late and count for none. */
  #note(tag: number, after: Float64Array, other: Float64Array): void {
    const n = tag - this.#first
    if (n < 0 || n >= this.sent || after[n] !== 0) return
    after[n] = performance.now() - (this.#leftMs[n] ?? 0)
    if (other[n] === 0) return
    this.bothWays += 1
    this.done(n)
  }
}
