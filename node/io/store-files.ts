/** Files nobody else may read, and which are whole or absent whatever moment the machine stops at. */
import { chmodSync, closeSync, constants, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** Names in a data directory. */
export const storeFile = 'store.db'
export const keyFile = 'key'
export const ownerFile = 'owner.db'

/**
 * Makes the file when it is missing, and private when it is not. An existing one is not opened: on POSIX, closing any
 * handle on a file drops every lock this process holds on it, the database's among them.
 */
export function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    chmodSync(file, 0o600)
  }
}

/** Lets `write` fill a new private file, and puts it in place of `file` once it is on disk. */
export function replaceWhole(file: string, write: (unfinished: string) => void): void {
  const unfinished = `${file}.unfinished`
  rmSync(unfinished, { force: true })
  makePrivate(unfinished)
  try {
    write(unfinished)
    sync(unfinished)
    renameSync(unfinished, file)
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw error
  }
  sync(dirname(file))
}

/** Fills a file that exists. */
export function fill(file: string, bytes: Uint8Array): void {
  const handle = openSync(file, constants.O_WRONLY)
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(handle, bytes, at)
  } finally {
    closeSync(handle)
  }
}

/** Waits until a file, or a directory's list of names, is on disk. */
function sync(path: string): void {
  if (process.platform === 'win32') return // It has no handle on a directory, and flushes a renamed file with its name.
  const handle = openSync(path, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
