/** The command, or a file it was given, was not understood: whoever typed it is told, without a stack. */
export class UsageError extends Error {}

/** A number from the command line. */
export function numberOf(
  name: string,
  text: string | undefined,
  isRight: (value: number) => boolean,
): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() === '' || !isRight(value) || value < 0) throw new UsageError(`--${name} needs a number, not ${text}`)
  return value
}

/** An object of the same shape as `meant`, of which fields may be missing and none may be of another kind. */
export function objectLike<T extends object>(text: string, where: string, meant: T): Partial<T> {
  const parsed = parse(text, where)
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new UsageError(`${where}: this should be a JSON object`)
  }
  for (const [name, value] of Object.entries(parsed)) {
    if (!Object.hasOwn(meant, name)) throw new UsageError(`${where}: there is no ${name}`)
    const example: unknown = meant[name as keyof T]
    if (typeof value !== typeof example || Array.isArray(value) !== Array.isArray(example)) {
      throw new UsageError(`${where}: ${name} should look like ${JSON.stringify(example)}`)
    }
  }
  return parsed
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UsageError(`${where}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
