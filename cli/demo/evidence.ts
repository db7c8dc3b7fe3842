/**
 * What the relay has on its disk, looked at by somebody who has taken the disk: every file searched for what was said and
 * for who said it, and the rows that hold the messages, as they are.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Waiting {
  readonly table: string
  readonly rows: number
  /** The largest value of the newest row: what stands in the message's place. */
  readonly sample: Uint8Array
}

export interface Evidence {
  readonly files: readonly { readonly name: string; readonly bytes: number }[]
  /** What was searched for and found after all, and in which file. */
  readonly leaks: readonly string[]
  readonly tables: readonly { readonly name: string; readonly rows: number }[]
  readonly waiting: Waiting | undefined
  /** Of what must be there, what was not found: then the search itself is blind. */
  readonly unseen: readonly string[]
}

/** `texts` and `ids` must be nowhere in the rows that hold messages; `texts` nowhere at all; `present` must be. */
export async function examine(
  dir: string,
  texts: readonly string[],
  senderIds: readonly string[],
  present: readonly string[],
): Promise<Evidence> {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => ({ name: entry.name, bytes: readFileSync(join(entry.parentPath, entry.name)) }))
  const leaks = files.flatMap(({ name, bytes }) => found(bytes, texts).map((text) => `“${text}” in ${name}`))
  const databases = files.filter(({ bytes }) => bytes.subarray(0, 15).toString('latin1') === 'SQLite format 3')
  const opened = await Promise.all(databases.map(({ name }) => open(join(dir, name), senderIds)))
  return {
    files: files.map(({ name, bytes }) => ({ name, bytes: bytes.length })),
    leaks: [...leaks, ...opened.flatMap((one) => one.leaks)],
    tables: opened.flatMap((one) => one.tables),
    waiting: opened.find((one) => one.waiting !== undefined)?.waiting,
    unseen: present.filter((one) => !files.some(({ bytes }) => found(bytes, [one]).length > 0)),
  }
}

type Row = Readonly<Record<string, unknown>>

async function open(path: string, senderIds: readonly string[]): Promise<Omit<Evidence, 'files' | 'unseen'>> {
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(path)
  try {
    const names = database.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`).all()
    const tables: { name: string; rows: number }[] = []
    let waiting: Waiting | undefined
    const leaks: string[] = []
    for (const { name } of names as { name: string }[]) {
      const rows = database.prepare(`SELECT * FROM "${name.replaceAll('"', '""')}"`).all() as Row[]
      tables.push({ name, rows: rows.length })
      if (!/envelope|message|mail|body|sealed/u.test(name) || rows.length === 0) continue
      leaks.push(...rows.flatMap((row) => found(valuesOf(row), senderIds).map((id) => `the sender (${id}) in ${name}`)))
      const sample = largestBlob(rows.at(-1) ?? {})
      if (sample.length > (waiting?.sample.length ?? 64)) waiting = { table: name, rows: rows.length, sample }
    }
    return { leaks, tables, waiting }
  } finally {
    database.close()
  }
}

/** As text, and an id also as the bytes it stands for. */
function found(bytes: Uint8Array, sought: readonly string[]): readonly string[] {
  const haystack = Buffer.from(bytes)
  return sought.filter((one) => {
    if (haystack.includes(one, 0, 'utf8') || haystack.includes(one, 0, 'utf16le')) return true
    return /^(?:[0-9a-f]{2}){16,}$/u.test(one) && haystack.includes(Buffer.from(one, 'hex'))
  })
}

function valuesOf(row: Row): Uint8Array {
  return Buffer.concat(
    Object.values(row).map((value) => (value instanceof Uint8Array ? value : Buffer.from(String(value)))),
  )
}

function largestBlob(row: Row): Uint8Array {
  const blobs = Object.values(row).filter((value) => value instanceof Uint8Array)
  return blobs.reduce((largest, one) => (one.length > largest.length ? one : largest), new Uint8Array())
}
