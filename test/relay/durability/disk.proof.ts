/** Disks that are full, that turn read-only, and logs whose end is torn. */
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemRandom } from '../../../protocol/crypto/primitives.ts'
import type { EnvelopeId } from '../../../protocol/ids.ts'
import { createRelay, type RelayLogEntry } from '../../../relay/index.ts'
import { openMailbox, type Line } from '../caller.ts'
import { caller, resident, runningRelay } from '../network.ts'
import { createPerson, envelope } from '../people.ts'
import { startRelayProcess } from '../processes.ts'
import { depositUntilKilled, fetchAll, publish } from '../promises.ts'
import { atEnd, temporaryDirectory } from '../temporary.ts'
import { roomy } from './load.ts'
import { compileShim, noCompiler, powered } from './power.ts'
import type { MailboxFrame } from '../../../protocol/wire/mailbox.ts'
import type { DeviceId } from '../../../protocol/ids.ts'

const shim = compileShim()

/** A disk of its own of so many MiB; undefined without the right to make one. */
async function smallDisk(mib: number): Promise<string | undefined> {
  const path = await temporaryDirectory()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', path], { stdio: 'pipe' })
  } catch {
    return undefined
  }
  atEnd(() => void execFileSync('umount', [path]))
  return path
}

async function deposit(line: Line<MailboxFrame>, mailbox: DeviceId, size: number): Promise<EnvelopeId | string> {
  const sent = envelope(Date.now(), { sealed: systemRandom.bytes(size) })
  line.send({ kind: 'deposit', mailbox, envelope: sent })
  for (;;) {
    const frame = await line.next()
    if (frame?.kind === 'stored') return sent.id
    if (frame?.kind === 'refused') return frame.reason
    if (frame === undefined) throw new Error('the stream ended')
  }
}

test('a full disk is said in the log, costs no promise, and is over when there is room again', async ({ skip }) => {
  const disk = await smallDisk(12)
  if (disk === undefined) return skip('only root can make a small disk')
  const log: RelayLogEntry[] = []
  const { address } = await runningRelay({ dataDir: disk, limits: roomy, log: (entry) => log.push(entry) })
  const bob = await resident(address)
  const line = await openMailbox(await caller(), address)
  writeFileSync(join(disk, 'something else'), new Uint8Array(6 * 1_048_576))
  const kept: string[] = []
  for (;;) {
    const answer = await deposit(line, bob.device, 50_000)
    if (answer === 'busy') break
    kept.push(answer)
  }
  expect(kept.length).toBeGreaterThan(20)
  expect(log).toContainEqual({ level: 'error', event: 'store-faulted', detail: 'SQLITE_FULL', times: 1 })
  rmSync(join(disk, 'something else'))
  const after = await deposit(line, bob.device, 50_000)
  expect(after).not.toBe('busy')
  expect(new Set(await fetchAll({ address }, bob))).toEqual(new Set([...kept, after]))
})

test('a relay whose disk is full when it starts says so, and starts when there is room', async ({ skip }) => {
  const disk = await smallDisk(4)
  if (disk === undefined) return skip('only root can make a small disk')
  try {
    writeFileSync(join(disk, 'something else'), new Uint8Array(8 * 1_048_576))
  } catch {
    // As much as fits.
  }
  await expect(createRelay({ dataDir: disk, listen: [] })).rejects.toThrow(/ENOSPC|disk|full/i)
  rmSync(join(disk, 'something else'))
  const relay = await createRelay({ dataDir: disk, listen: [] })
  await relay.stop()
})

if (shim === undefined) {
  test.skip(noCompiler, () => undefined)
} else {
  test.each([
    ['turns read-only', constants.errno.EROFS],
    ['fails to write', constants.errno.EIO],
  ])('a disk that %s under a running relay costs no promise, and is over when it is', async (_what, number) => {
    const place = powered(shim, await temporaryDirectory())
    const relay = await startRelayProcess(place.dataDir, { limits: roomy, env: place.env })
    const bob = createPerson()
    await publish(relay, bob)
    const line = await openMailbox(await caller(), relay.address)
    const before = await deposit(line, bob.device, 100)
    writeFileSync(place.fail, String(number))
    expect(await deposit(line, bob.device, 100)).toBe('busy')
    expect(await deposit(line, bob.device, 100)).toBe('busy')
    await expect
      .poll(() => relay.log.map(({ event, detail }) => `${event} ${detail ?? ''}`))
      .toContainEqual(expect.stringMatching(/^store-faulted SQLITE_(IOERR|READONLY|FULL)/))
    rmSync(place.fail)
    const after = await deposit(line, bob.device, 100)
    expect(new Set(await fetchAll(relay, bob))).toEqual(new Set([before, after]))
  })
}

test('a log whose end is torn, as by a write that was never acknowledged, costs nothing', async () => {
  const dataDir = await temporaryDirectory()
  const first = await startRelayProcess(dataDir, { limits: roomy })
  const bob = createPerson()
  await publish(first, bob)
  const promised = await depositUntilKilled(first, bob, 300)
  const log = join(dataDir, 'relay.db-wal')
  const bytes = readFileSync(log)
  const frame = 24 + 4_096
  writeFileSync(log, Buffer.concat([bytes, bytes.subarray(32, 32 + frame), systemRandom.bytes(frame / 2)]))
  const fetched = await fetchAll(await startRelayProcess(dataDir, { limits: roomy }), bob)
  expect(promised.filter((id) => !fetched.includes(id))).toEqual([])
})

test('a damaged last page of the log costs at most the transaction it belongs to, and the relay starts', async () => {
  const dataDir = await temporaryDirectory()
  const first = await startRelayProcess(dataDir, { limits: roomy })
  const bob = createPerson()
  await publish(first, bob)
  const line = await openMailbox(await caller(), first.address)
  const promised: string[] = []
  for (let i = 0; i < 40; i++) promised.push(await deposit(line, bob.device, 100)) // Each a transaction of its own.
  await first.kill()
  const log = join(dataDir, 'relay.db-wal')
  const bytes = readFileSync(log)
  expect(statSync(log).size).toBe(bytes.length)
  bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 0xff
  writeFileSync(log, bytes)
  const fetched = await fetchAll(await startRelayProcess(dataDir, { limits: roomy }), bob)
  expect(promised.slice(0, -1).filter((id) => !fetched.includes(id as EnvelopeId))).toEqual([])
})
