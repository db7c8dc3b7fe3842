/**
 * Both were off: from two commands typed in two houses at one moment, `linnet send` and `linnet receive`, to the message on
 * the other's screen. With the start of both programs, which is more than half of it.
 */
import { createInterface } from 'node:readline'
import { gone, median, meet, openLab, say, seconds, type Lab } from './lab.ts'
import type { Kind } from './nat-rules.ts'
import type { Tally } from './tally.ts'
import type { Machine } from './world.ts'

const couples: readonly (readonly [Kind, Kind])[] = [
  ['open', 'open'],
  ['port-restricted', 'port-restricted'],
  ['symmetric', 'symmetric'],
]
const times = 3
/** Three times what a quiet machine is held to: half of it is processor time, and others may be at work on that processor. */
const medianMsMax = 6_000

interface Resident {
  readonly name: string
  readonly house: Machine
}

export async function coldStart(tally: Tally): Promise<void> {
  const lab = openLab({ delayMs: 25, lossPercent: 1 })
  try {
    const relay = await lab.relay(lab.world.addServer())
    for (const [one, other] of couples) {
      const [from, to] = [
        { name: `alice ${one}`, house: await lab.world.addHouse(one) },
        { name: `bob ${other}`, house: await lab.world.addHouse(other) },
      ]
      const [alice, bob] = [from, to].map(({ name, house }) => lab.person(house, { name, relays: [relay.address] }))
      if (alice === undefined || bob === undefined) throw new Error('two people were asked for')
      await Promise.all([alice.start(), bob.start()])
      await meet(alice, from.name, bob, to.name)
      await say(alice, bob, to.name, 'before')
      await Promise.all([alice.kill(), bob.kill()])

      await exchange(lab, from, to, 'for the first time') // What Node compiles then, it keeps.
      const tookMs: number[] = []
      for (let i = 0; i < times; i++) tookMs.push(await exchange(lab, from, to, `time ${i}`))
      const [middleMs, slowestMs] = [median(tookMs), Math.max(...tookMs)]
      tally.row('cold start', [`${one} × ${other}`, seconds(middleMs), seconds(slowestMs)])
      const what = `cold start of both programs, ${one} × ${other}: ${seconds(middleMs)}, at most ${seconds(slowestMs)}`
      tally.check(what, middleMs < medianMsMax)
    }
  } finally {
    await lab.end()
  }
}

/** Milliseconds from the start of both to the message on the screen. */
async function exchange(lab: Lab, from: Resident, to: Resident, text: string): Promise<number> {
  const startMs = performance.now()
  const receiving = lab.program(to.house, to.name, 'receive', '--follow', '--timeout', '60', '--json')
  const sending = lab.program(from.house, from.name, 'send', to.name, text)
  const complaints: Buffer[] = []
  for (const { stderr } of [receiving, sending]) stderr.on('data', (chunk: Buffer) => complaints.push(chunk))
  const sent = new Promise((resolve) => sending.once('exit', resolve))
  try {
    for await (const line of createInterface({ input: receiving.stdout })) {
      if (line.includes(JSON.stringify(text))) return performance.now() - startMs
    }
    throw new Error(`it was not shown in time: ${Buffer.concat(complaints).toString()}`)
  } finally {
    await sent
    await gone(receiving, 'SIGTERM')
  }
}
