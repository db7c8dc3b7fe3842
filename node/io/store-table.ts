/**
 * Rows in memory: kept by key, found by group, in the order they were first put, with every step undoable. Undoing goes
 * through the same door as doing, so an index can never tell another story than its table. Knows nothing of what is kept.
 */
import { LocalError } from '../../protocol/errors.ts'

/** Something that can be set back to how it was. */
interface Undoable {
  setBack(key: string, row: unknown): void
}

/** How to take back what was done since `begin`, newest first. */
export class UndoLog {
  #steps: { readonly table: Undoable; readonly key: string; readonly row: unknown }[] = []
  #open = false

  get open(): boolean {
    return this.#open
  }

  begin(): void {
    if (this.#open) throw new LocalError('a transaction is already in progress')
    this.#open = true
  }

  /** Notes what stood in a table before it was changed. */
  push(table: Undoable, key: string, row: unknown): void {
    if (!this.#open) throw new LocalError('changes are applied inside a transaction')
    this.#steps.push({ table, key, row })
  }

  commit(): void {
    if (!this.#open) throw new LocalError('there is no transaction to commit')
    this.#open = false
    if (this.#steps.length > 0) this.#steps = []
  }

  /** Harmless without a transaction: a commit that failed may have ended it already. */
  rollback(): void {
    this.#open = false
    const steps = this.#steps
    this.#steps = []
    for (const { table, key, row } of steps.toReversed()) table.setBack(key, row)
  }
}

interface Row<V> {
  readonly place: number
  readonly value: V
}

export class Table<V> {
  readonly #undo: UndoLog
  readonly #rows = new Map<string, Row<V>>()
  readonly #groups: Group<V>[] = []
  #nextPlace = 0

  constructor(undo: UndoLog) {
    this.#undo = undo
  }

  /** Finds rows by something other than their key. To be asked for before the first row is put. */
  groupedBy(groupsOf: (value: V) => GroupNames): Group<V> {
    const group = new Group(groupsOf)
    this.#groups.push(group)
    return group
  }

  get(key: string): V | undefined {
    return this.#rows.get(key)?.value
  }

  put(key: string, value: V): void {
    const old = this.#rows.get(key)
    this.#undo.push(this, key, old)
    this.#set(key, old, { place: old?.place ?? this.#nextPlace++, value })
  }

  drop(key: string): void {
    const old = this.#rows.get(key)
    if (old === undefined) return
    this.#undo.push(this, key, old)
    this.#set(key, old, undefined)
  }

  dropWhere(gone: (value: V) => boolean): void {
    for (const [key, row] of this.#rows) if (gone(row.value)) this.drop(key)
  }

  values(): V[] {
    return inPlace(this.#rows)
  }

  /** Takes over the rows of another table of the same shape; its values are shared, being never changed. */
  takeFrom(other: Table<V>): void {
    for (const [key, row] of other.#rows) this.#set(key, this.#rows.get(key), row)
    this.#nextPlace = other.#nextPlace
  }

  /** For the undo log: a row as it was handed to it. */
  setBack(key: string, row: unknown): void {
    this.#set(key, this.#rows.get(key), row as Row<V> | undefined)
  }

  #set(key: string, old: Row<V> | undefined, row: Row<V> | undefined): void {
    const groups = this.#groups
    for (let i = 0; i < groups.length; i++) groups[i]?.move(key, old, row)
    if (row === undefined) this.#rows.delete(key)
    else this.#rows.set(key, row)
  }
}

/** The groups a row stands in: one, several, or none. */
export type GroupNames = string | readonly string[] | undefined

/** The rows of a group: most groups are of one, which needs no map. */
type Members<V> = Alone<V> | Map<string, Row<V>>

interface Alone<V> {
  readonly key: string
  readonly row: Row<V>
}

/** The rows of a table by something they have in common. */
export class Group<V> {
  readonly #groupsOf: (value: V) => GroupNames
  readonly #members = new Map<string, Members<V>>()

  constructor(groupsOf: (value: V) => GroupNames) {
    this.#groupsOf = groupsOf
  }

  of(name: string): V[] {
    const members = this.#members.get(name)
    if (members === undefined) return []
    return members instanceof Map ? inPlace(members) : [members.row.value]
  }

  /** Like `of`, in no order. */
  *each(name: string): Iterable<V> {
    const members = this.#members.get(name)
    if (members === undefined) return
    if (members instanceof Map) for (const row of members.values()) yield row.value
    else yield members.row.value
  }

  first(name: string): V | undefined {
    const members = this.#members.get(name)
    if (members === undefined) return undefined
    if (!(members instanceof Map)) return members.row.value
    let first: Row<V> | undefined
    for (const row of members.values()) if (first === undefined || row.place < first.place) first = row
    return first?.value
  }

  count(name: string): number {
    const members = this.#members.get(name)
    if (members === undefined) return 0
    return members instanceof Map ? members.size : 1
  }

  /** Names of the groups that have rows, sorted. */
  names(): string[] {
    return [...this.#members.keys()].toSorted()
  }

  move(key: string, from: Row<V> | undefined, to: Row<V> | undefined): void {
    const before = from === undefined ? undefined : this.#groupsOf(from.value)
    const after = to === undefined ? undefined : this.#groupsOf(to.value)
    if (typeof before === 'string') {
      if (before !== after) this.#leave(before, key)
    } else if (before !== undefined) {
      for (const name of before) if (after?.includes(name) !== true) this.#leave(name, key)
    }
    if (to === undefined || after === undefined) return
    if (typeof after === 'string') this.#join(after, key, to)
    else for (const name of after) this.#join(name, key, to)
  }

  #join(name: string, key: string, row: Row<V>): void {
    const members = this.#members.get(name)
    if (members instanceof Map) members.set(key, row)
    else if (members === undefined || members.key === key) this.#members.set(name, { key, row })
    else {
      const both = new Map([
        [members.key, members.row],
        [key, row],
      ])
      this.#members.set(name, both)
    }
  }

  #leave(name: string, key: string): void {
    const members = this.#members.get(name)
    if (members === undefined) return
    if (!(members instanceof Map)) {
      if (members.key === key) this.#members.delete(name)
      return
    }
    members.delete(key)
    if (members.size === 0) this.#members.delete(name)
  }
}

/** By place: a map forgets it when a dropped row comes back by undoing. */
function inPlace<V>(rows: ReadonlyMap<string, Row<V>>): V[] {
  if (rows.size === 0) return []
  return [...rows.values()].toSorted((a, b) => a.place - b.place).map((row) => row.value)
}
