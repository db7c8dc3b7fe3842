/**
 * Rows in memory: kept by key, found by group, in the order they were first put, with every step undoable. Undoing goes
 * through the same door as doing, so an index can never tell another story than its table. Knows nothing of what is kept.
 */
import { LocalError } from '../../protocol/errors.ts'

/** How to take back what was done since `begin`, newest first. */
export class UndoLog {
  #steps: (() => void)[] = []
  #open = false

  get open(): boolean {
    return this.#open
  }

  begin(): void {
    if (this.#open) throw new LocalError('a transaction is already in progress')
    this.#open = true
  }

  push(undo: () => void): void {
    if (!this.#open) throw new LocalError('changes are applied inside a transaction')
    this.#steps.push(undo)
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
    for (let i = steps.length - 1; i >= 0; i--) steps[i]?.()
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
    this.#undo.push(() => this.#set(key, this.#rows.get(key), old))
    this.#set(key, old, { place: old?.place ?? this.#nextPlace++, value })
  }

  drop(key: string): void {
    const old = this.#rows.get(key)
    if (old === undefined) return
    this.#undo.push(() => this.#set(key, this.#rows.get(key), old))
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

  #set(key: string, old: Row<V> | undefined, row: Row<V> | undefined): void {
    for (const group of this.#groups) group.move(key, old, row)
    if (row === undefined) this.#rows.delete(key)
    else this.#rows.set(key, row)
  }
}

/** The groups a row stands in: one, several, or none. */
export type GroupNames = string | readonly string[] | undefined

/** The rows of a table by something they have in common. */
export class Group<V> {
  readonly #groupsOf: (value: V) => GroupNames
  readonly #members = new Map<string, Map<string, Row<V>>>()

  constructor(groupsOf: (value: V) => GroupNames) {
    this.#groupsOf = groupsOf
  }

  of(name: string): V[] {
    const members = this.#members.get(name)
    return members === undefined ? [] : inPlace(members)
  }

  /** Like `of`, in no order. */
  *each(name: string): Iterable<V> {
    for (const row of this.#members.get(name)?.values() ?? []) yield row.value
  }

  first(name: string): V | undefined {
    const members = this.#members.get(name)
    if (members === undefined) return undefined
    let first: Row<V> | undefined
    for (const row of members.values()) if (first === undefined || row.place < first.place) first = row
    return first?.value
  }

  count(name: string): number {
    return this.#members.get(name)?.size ?? 0
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
    if (members === undefined) this.#members.set(name, new Map([[key, row]]))
    else members.set(key, row)
  }

  #leave(name: string, key: string): void {
    const members = this.#members.get(name)
    members?.delete(key)
    if (members?.size === 0) this.#members.delete(name)
  }
}

/** By place: a map forgets it when a dropped row comes back by undoing. */
function inPlace<V>(rows: ReadonlyMap<string, Row<V>>): V[] {
  return [...rows.values()].toSorted((a, b) => a.place - b.place).map((row) => row.value)
}
