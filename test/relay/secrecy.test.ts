/** What a relay holds, on disk and in memory, says nothing about who wrote or what. */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemRandom } from '../../protocol/crypto/primitives.ts'
import { idBytes } from '../../protocol/ids.ts'
import { signalSessions } from '../../protocol/session/signal.ts'
import { openDirectory, openMailbox } from './caller.ts'
import { caller, resident } from './network.ts'
import { createPerson, envelope, type Person } from './people.ts'
import { startRelayProcess } from './processes.ts'
import { temporaryDirectory } from './temporary.ts'

const plaintext = 'the heron nests behind the third lock'

test.runIf(process.platform === 'linux')('neither the words nor their writer can be found at a relay', async () => {
  const dataDir = await temporaryDirectory()
  const relay = await startRelayProcess(dataDir)
  const bob = await resident(relay.address)
  const alice = createPerson()
  // The link is made by another key than the writer's, as a sender does who will not be known.
  const link = await caller()
  const directory = await openDirectory(link, relay.address)
  directory.send({ kind: 'take-bundle', device: bob.device })
  const { bundle } = await directory.expect('bundle')
  const deposits = await openMailbox(link, relay.address)
  const sent = envelope(Date.now(), { sealed: encryptFor(alice, bundle) })
  deposits.send({ kind: 'deposit', mailbox: bob.device, envelope: sent })
  await deposits.expect('stored')

  const files = readdirSync(dataDir).map((name) => readFileSync(join(dataDir, name)))
  const memory = memoryOf(relay.pid)
  const held = [...files, ...memory]
  expect(found(files, idBytes(sent.id)), 'the search finds what is on disk').toBe(true)
  expect(found(memory, sent.sealed.subarray(0, 32)), 'the search finds what is in memory').toBe(true)
  expect(found(held, Buffer.from(plaintext))).toBe(false)
  expect(found(held, Buffer.from(plaintext, 'utf16le'))).toBe(false)
  for (const name of [idBytes(alice.device), Buffer.from(alice.device), idBytes(alice.account)]) {
    expect(found(held, name)).toBe(false)
  }
})

function encryptFor(alice: Person, bundle: Parameters<typeof signalSessions.initiate>[0]['bundle']): Uint8Array {
  const common = { own: alice.identity, random: systemRandom, nowMs: Date.now() }
  const theirIdentityKey = bundle.identityKey
  const opened = signalSessions.initiate({ ...common, theirIdentityKey, bundle, record: undefined })
  if (!opened.ok) throw new Error(opened.reason)
  const encrypted = signalSessions.encrypt({ ...common, record: opened.record, plaintext: Buffer.from(plaintext) })
  if (!encrypted.ok) throw new Error(encrypted.reason)
  return encrypted.bytes
}

function found(held: readonly Buffer[], what: Uint8Array): boolean {
  return held.some((bytes) => bytes.includes(Buffer.from(what)))
}

/** Every writable region of a process's memory. */
function memoryOf(pid: number): Buffer[] {
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  const regions: Buffer[] = []
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const [, from = '', to = '', mode = ''] = /^([0-9a-f]+)-([0-9a-f]+) (\S+)/.exec(line) ?? []
    const size = Number(`0x${to}`) - Number(`0x${from}`)
    if (!mode.startsWith('rw') || size > 256 * 1_048_576) continue
    const region = Buffer.alloc(size)
    try {
      readSync(memory, region, 0, size, Number(`0x${from}`))
      regions.push(region)
    } catch {
      // Some regions are the kernel's own and cannot be read.
    }
  }
  closeSync(memory)
  return regions
}
