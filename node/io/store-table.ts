/**
 * Rows in memory: kept by key, found by group, in the order they were first put, with every step undoable. Undoing goes
 * through the same door as doing, so an index can never tell another story than its table. Knows nothing of what is kept.
 */
import { LocalError } from '../../protocol/errors.ts'

/** Something that can be set back to how it was. */
interface Undoable {
  /** `value` is undefined where nothing stood. */
  setBack(key: string, value: unknown, place: number): void
}

interface Step {
  readonly table: Undoable
  readonly key: string
  readonly value: unknown
  readonly place: number
}

/** How to take back what was done since `begin`, newest first. */
export class UndoLog {
  #steps: Step[] = []
  #open = false

  get open(): boolean {
    return this.#open
  }

  begin(): void {
    if (this.#open) throw new LocalError('a transaction is already in progress')
    this.#open = true
  }

  /** Notes what stood in a table before it was changed. */
  push(step: Step): void {
    if (!this.#open) throw new LocalError('changes are applied inside a transaction')
    this.#steps.push(step)
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
    for (const { table, key, value, place } of steps.toReversed()) table.setBack(key, value, place)
  }
}

/** Stays the same while its value is replaced, so that groups it stays in need not be told. */
interface Row<V> {
  readonly key: string
  readonly place: number
  value: V
}

export class Table<V> implements Undoable {
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
    const row = this.#rows.get(key)
    this.#undo.push({ table: this, key, value: row?.value, place: row?.place ?? 0 })
    if (row === undefined) this.#insert({ key, place: this.#nextPlace++, value })
    else this.#replace(row, value)
  }

  drop(key: string): void {
    const row = this.#rows.get(key)
    if (row === undefined) return
    this.#undo.push({ table: this, key, value: row.value, place: row.place })
    this.#remove(row)
  }

  dropWhere(gone: (value: V) => boolean): void {
    for (const [key, row] of this.#rows) if (gone(row.value)) this.drop(key)
  }

  values(): V[] {
    return inPlace(this.#rows)
  }

  /** Takes over the rows of another table of the same shape; its values are shared, being never changed. */
  takeFrom(other: Table<V>): void {
    for (const [key, { value, place }] of other.#rows) this.setBack(key, value, place)
    this.#nextPlace = other.#nextPlace
  }

  setBack(key: string, value: V | undefined, place: number): void {
    const row = this.#rows.get(key)
    if (row === undefined) {
      if (value !== undefined) this.#insert({ key, place, value })
    } else if (value === undefined) this.#remove(row)
    else this.#replace(row, value)
  }

  #insert(row: Row<V>): void {
    for (const group of this.#groups) group.move(row, undefined, row.value)
    this.#rows.set(row.key, row)
  }

  #replace(row: Row<V>, value: V): void {
    for (const group of this.#groups) group.move(row, row.value, value)
    row.value = value
  }

  #remove(row: Row<V>): void {
    for (const group of this.#groups) group.move(row, row.value, undefined)
    this.#rows.delete(row.key)
  }
}

/** The groups a row stands in: one, several, or none. */
export type GroupNames = string | readonly string[] | undefined

/** The rows of a group: most groups are of one, which needs no set. */
type Members<V> = Row<V> | Set<Row<V>>

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
    return members instanceof Set ? inPlace(members) : [members.value]
  }

  first(name: string): V | undefined {
    const members = this.#members.get(name)
    if (members === undefined) return undefined
    if (!(members instanceof Set)) return members.value
    let first: Row<V> | undefined
    for (const row of members) if (first === undefined || row.place < first.place) first = row
    return first?.value
  }

  count(name: string): number {
    const members = this.#members.get(name)
    if (members === undefined) return 0
    return members instanceof Set ? members.size : 1
  }

  /** Names of the groups that have rows, sorted. */
  names(): string[] {
    return [...this.#members.keys()].toSorted()
  }

  /** A row whose value was `from` and will be `to`. */
  move(row: Row<V>, from: V | undefined, to: V | undefined): void {
    const before = from === undefined ? undefined : this.#groupsOf(from)
    const after = to === undefined ? undefined : this.#groupsOf(to)
    if (before === after) return
    for (const name of listed(before)) if (!isIn(name, after)) this.#leave(name, row)
    for (const name of listed(after)) if (!isIn(name, before)) this.#join(name, row)
  }

  #join(name: string, row: Row<V>): void {
    const members = this.#members.get(name)
    if (members === undefined) this.#members.set(name, row)
    else if (members instanceof Set) members.add(row)
    else this.#members.set(name, new Set([members, row]))
  }

  #leave(name: string, row: Row<V>): void {
    const members = this.#members.get(name)
    if (members instanceof Set) {
      members.delete(row)
      if (members.size > 0) return
    }
    this.#members.delete(name)
  }
}

const none: readonly string[] = []

function listed(names: GroupNames): readonly string[] {
  if (names === undefined) return none
  return typeof names === 'string' ? [names] : names
}

function isIn(name: string, names: GroupNames): boolean {
  return names === name || (names !== undefined && typeof names !== 'string' && names.includes(name))
}

/** By place: a map forgets it when a dropped row comes back by undoing. */
function inPlace<V>(rows: ReadonlyMap<string, Row<V>> | ReadonlySet<Row<V>>): V[] {
  if (rows.size === 0) return []
  return [...rows.values()].toSorted((a, b) => a.place - b.place).map((row) => row.value)
}
