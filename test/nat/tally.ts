/** What came of each story, as it comes, and in the end the tables and the count. */

export class Tally {
  #passed = 0
  #failed = 0
  readonly #tables = new Map<string, (readonly string[])[]>()

  check(what: string, held: boolean): void {
    if (held) this.#passed++
    else this.#failed++
    console.log(`${held ? 'ok  ' : 'FAIL'} ${what}`)
  }

  /** A line of a table; the first given under a title is its head. */
  row(title: string, cells: readonly string[]): void {
    const rows = this.#tables.get(title) ?? []
    rows.push(cells)
    this.#tables.set(title, rows)
  }

  /** Returns the exit code. */
  end(): number {
    for (const [title, rows] of this.#tables) {
      console.log(`\n${title}`)
      for (const cells of rows) console.log(`| ${cells.join(' | ')} |`)
    }
    console.log(`\n${this.#passed} passed, ${this.#failed} failed`)
    return this.#failed === 0 && this.#passed > 0 ? 0 : 1
  }
}
