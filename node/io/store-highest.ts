/**
 * The highest numbers ever given to events and positions, which outlive the rows they were given to. Asked for with every
 * message, so kept in memory and written once a commit.
 */
import type { Sql } from './store-sql.ts'

type What = 'event' | 'position'

export interface HighestNumbers {
  get(what: What): number
  raise(what: What, number: number): void
  /** Before a commit: writes what was raised. */
  flush(): void
  commit(): void
  rollback(): void
}

export function highestNumbers(sql: Sql): HighestNumbers {
  const put = sql.put('highest', ['what'], ['number'])
  const committed = new Map<What, number>()
  const raised = new Map<What, number>()
  for (const { what, number } of sql.all<{ what: What; number: number }>('SELECT what, number FROM highest')()) {
    committed.set(what, number)
  }

  const get = (what: What): number => raised.get(what) ?? committed.get(what) ?? 0
  return {
    get,
    raise(what, number) {
      if (number > get(what)) raised.set(what, number)
    },
    flush() {
      for (const [what, number] of raised) put(what, number)
    },
    commit() {
      for (const [what, number] of raised) committed.set(what, number)
      raised.clear()
    },
    rollback: () => raised.clear(),
  }
}
