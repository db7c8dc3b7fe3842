/** Where a profile is spoken to, and where somebody else could wait for it. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { makePrivateDir, socketPath } from '../../cli/places.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'linnet-places-'))
  folders.push(folder)
  return folder
}

const tooLong = join('/', 'd'.repeat(120))

test('the socket stands beside the data, or under a name of its own where that path is too long', () => {
  const XDG_RUNTIME_DIR = scratch()
  expect(socketPath({ XDG_RUNTIME_DIR }, '/data', 'control.sock')).toBe('/data/control.sock')
  const elsewhere = socketPath({ XDG_RUNTIME_DIR }, tooLong, 'control.sock')
  expect(elsewhere).toMatch(/\/linnet-\d+\/[0-9a-f]{24}\.sock$/u)
  makePrivateDir(join(elsewhere, '..'))
  expect(socketPath({ XDG_RUNTIME_DIR }, tooLong, 'control.sock')).toBe(elsewhere)
  expect(socketPath({ XDG_RUNTIME_DIR }, `${tooLong}e`, 'control.sock')).not.toBe(elsewhere)
  expect(socketPath({}, tooLong, 'control.sock')).toContain(tmpdir())
})

test('nobody is spoken to in a directory that somebody else put there', () => {
  const XDG_RUNTIME_DIR = scratch()
  const theirs = join(XDG_RUNTIME_DIR, 'theirs')
  mkdirSync(theirs)
  symlinkSync(theirs, join(XDG_RUNTIME_DIR, `linnet-${userInfo().uid}`))
  expect(() => socketPath({ XDG_RUNTIME_DIR }, tooLong, 'control.sock')).toThrow('belongs to someone else')
})
