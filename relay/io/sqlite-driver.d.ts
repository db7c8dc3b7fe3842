/**
 * The part of the database driver's face that is used here. The package ships types, but its `exports` hides them from a
 * program that resolves modules as Node does.
 */
declare module 'better-sqlite3-multiple-ciphers' {
  class Connection {
    constructor(path: string, options?: Connection.Options)
    readonly inTransaction: boolean
    readonly open: boolean
    prepare<Parameters extends readonly unknown[] = unknown[], Row = unknown>(
      sql: string,
    ): Connection.Statement<Parameters, Row>
    exec(sql: string): this
    pragma(sql: string, options?: { readonly simple?: boolean }): unknown
    key(key: Uint8Array): number
    rekey(key: Uint8Array): number
    transaction<F extends (...parameters: never[]) => unknown>(act: F): F & { readonly immediate: F }
    backup(path: string): Promise<unknown>
    serialize(): Buffer
    close(): this
  }
  namespace Connection {
    type Database = Connection
    interface RunResult {
      readonly changes: number
      readonly lastInsertRowid: number | bigint
    }
    interface Statement<Parameters extends readonly unknown[] = unknown[], Row = unknown> {
      run(...parameters: Parameters): RunResult
      get(...parameters: Parameters): Row | undefined
      all(...parameters: Parameters): Row[]
      iterate(...parameters: Parameters): IterableIterator<Row>
      pluck(on?: boolean): Statement<Parameters>
    }
    interface Options {
      readonly readonly?: boolean
      readonly fileMustExist?: boolean
      /** Milliseconds to wait for another connection's lock. */
      readonly timeout?: number
    }
  }
  export = Connection
}
