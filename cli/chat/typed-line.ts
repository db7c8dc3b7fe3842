/**
 * The line being typed, which may take several rows of a narrow terminal: takes it away, so that something can be written
 * where it stood. Writing it again below that is readline's own `prompt`.
 */
import { clearScreenDown, cursorTo, moveCursor, type Interface } from 'node:readline'

/** How many rows readline believes the cursor to be below the prompt's first; it goes up by so many before it writes again. */
type Rows = Interface & { prevRows?: number }

export function clearTyped(io: Interface, output: NodeJS.WritableStream): void {
  const line = io as Rows
  moveCursor(output, 0, -(line.prevRows ?? 0))
  cursorTo(output, 0)
  clearScreenDown(output)
  line.prevRows = 0 // Else it would go up over, and erase, what is written next.
}
