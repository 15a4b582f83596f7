/** A choice of the reader's that outlives the visit; without storage it lasts as long as the page. */
export function readStored<Value extends string>(name: string, values: readonly Value[], fallback: Value): Value {
  try {
    const found = localStorage.getItem(`parvis.${name}`)
    return values.find((value) => value === found) ?? fallback
  } catch {
    return fallback
  }
}

export function writeStored(name: string, value: string): void {
  try {
    localStorage.setItem(`parvis.${name}`, value)
  } catch {
    // Storage is full or switched off.
  }
}
