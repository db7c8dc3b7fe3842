/** What the doctor says of clocks: by what relays told of theirs. Relays with clocks of their own are real. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createNode, type Finding } from '../../node/index.ts'
import { diagnose } from '../../node/doctor.ts'
import type { AccountId, DeviceId } from '../../protocol/ids.ts'
import { createRelay } from '../../relay/index.ts'
import { atEnd } from './io/support.ts'

const second = 1_000
const hour = 3_600 * second
const listen = ['/ip4/127.0.0.1/tcp/0']

function clocks(skewsMs: readonly number[]): readonly string[] {
  const { findings } = diagnose({
    identity: {
      account: '' as AccountId,
      device: '' as DeviceId,
      peerId: '',
      name: '',
      addresses: [],
      relays: [],
    },
    health: {
      router: 'open',
      seenAs: [],
      roundTripsMs: new Map(),
      skewsMs: new Map(skewsMs.map((skewMs, i) => [`r${i + 1}`, skewMs])),
      circuits: [],
      full: new Set(),
    },
    outbox: { waiting: 0 },
  })
  return said(findings)
}

function said(findings: readonly Finding[]): readonly string[] {
  return findings
    .filter(({ about }) => about.includes('clock'))
    .map(({ about, state, says }) => `${about}: ${state}: ${says}`)
}

test('a clock that most relays agree with is right, and one they all disagree with is not', () => {
  expect(clocks([])).toEqual([])
  expect(clocks([100, -300, 200])).toEqual(['clock: good: agrees with your relays'])
  expect(clocks([3 * hour, 3 * hour + second, 3 * hour])).toEqual(['clock: poor: 3 hours behind your relays'])
  expect(clocks([-50 * hour, -50 * hour])).toEqual(['clock: bad: 2 days ahead of your relays'])
})

test('it is said which relay is alone with its time', () => {
  expect(clocks([0, 3 * hour, second])).toEqual([
    'clock: good: agrees with your relays',
    'clock of relay r2: poor: 3 hours ahead of the others',
  ])
  expect(clocks([-300 * second, 0])).toEqual([
    'clock: good: agrees with your relays',
    'clock of relay r1: poor: 5 minutes behind the others',
  ])
})

test('one relay alone is no proof', () => {
  expect(clocks([90 * second])).toEqual(['clock: poor: 90 s behind your relay: one of the two is wrong'])
})

test('relays tell their time, and a wrong one is found out', { timeout: 20_000 }, async () => {
  const offsets = [0, 0, 3 * hour]
  const relays = await Promise.all(
    offsets.map(async (offsetMs) => {
      const relay = await createRelay({
        dataDir: directory(),
        listen,
        store: 'memory',
        nowMs: () => Date.now() + offsetMs,
      })
      await relay.start()
      atEnd(() => relay.stop())
      return relay.addresses[0]!
    }),
  )
  const node = await createNode({ dataDir: directory(), name: 'Someone', listen, relays, lan: false })
  atEnd(() => node.stop())
  await node.start()
  while (!node.identity().relays.every(({ connected }) => connected)) await new Promise((go) => setTimeout(go, 20))
  expect(said((await node.doctor()).findings)).toEqual([
    'clock: good: agrees with your relays',
    `clock of relay ${relays[2]}: poor: 3 hours ahead of the others`,
  ])
})

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'linnet-doctor-'))
  atEnd(() => rmSync(path, { recursive: true, force: true }))
  return path
}
