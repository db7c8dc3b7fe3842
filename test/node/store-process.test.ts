/** What only other processes can show: a store whose owner is killed in the midst of commits, and who owns a directory. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockDirectory } from '../../node/io/lock.ts'
import { openFolder } from './store-folder.ts'
import * as sample from './store-samples.ts'

const program = fileURLToPath(new URL('./store-child.ts', import.meta.url))

let dataDir: string
let child: ChildProcess | undefined

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'linnet-owner-'))
})
afterEach(async () => {
  await kill()
  rmSync(dataDir, { recursive: true })
})

async function kill(): Promise<void> {
  if (child === undefined) return
  const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined
  child.kill('SIGKILL')
  await gone
  child = undefined
}

/** Starts the process, and resolves with all it said once it has said at least `lines`; then it is dead. */
async function runUntil(what: 'commit' | 'own', lines: number, then: () => void | Promise<void>): Promise<string[]> {
  child = spawn(process.execPath, [program, what, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout?.setEncoding('utf8')
  const stdout = child.stdout as NonNullable<ChildProcess['stdout']>
  for await (const text of stdout) {
    said += text as string
    if (said.split('\n').length > lines) break
  }
  await then()
  await kill()
  return said.split('\n').slice(0, -1)
}

test('everything a killed process said it had kept is there, and nothing by halves', async () => {
  for (let life = 1; life <= 3; life++) {
    const said = await runUntil('commit', life * 40, () => {})
    const store = await openFolder(dataDir)
    const kept = store.lastPosition()
    expect(kept).toBeGreaterThanOrEqual(Number(said.at(-1)))
    for (let n = 1; n <= kept; n++) {
      expect(store.findMessage(sample.messageIdOf(n))).toStrictEqual(sample.outgoing(n, 1))
    }
    expect(store.deliveries()).toHaveLength(kept)
    expect(store.events(0, kept + 1).map((e) => e.seq)).toStrictEqual(Array.from({ length: kept }, (_, i) => i + 1))
    expect(store.lastEventSeq()).toBe(kept)
    expect(store.session(sample.deviceOf(1))).toStrictEqual(sample.record(`after ${kept}`))
    store.close()
  }
})

test('a directory has one owner, until that process is gone', async () => {
  await runUntil('own', 1, async () => {
    expect(() => lockDirectory(dataDir)).toThrow(expect.objectContaining({ reason: 'in-use' }))
    const opening = openFolder(dataDir)
    await expect(opening).rejects.toMatchObject({ name: 'NodeError', reason: 'in-use' })
  })
  const free = lockDirectory(dataDir)
  free()
})

test('a process cannot own a directory twice, and is not robbed of it by trying', async () => {
  const store = await openFolder(dataDir)
  expect(() => lockDirectory(dataDir)).toThrow(expect.objectContaining({ reason: 'in-use' }))
  child = spawn(process.execPath, [program, 'own', dataDir], { stdio: 'ignore' })
  const [code] = (await once(child, 'exit')) as [number]
  expect(code).toBe(1)
  sample.keep(store, { kind: 'add-event', stored: sample.event(1) })
  store.close()
  lockDirectory(dataDir)()
})
