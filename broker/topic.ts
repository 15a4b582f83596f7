/** Whether a topic filter takes a topic (MQTT 3.1.1, 4.7). Wildcards never take a topic that begins with `$`. */
export function matchesTopic(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && !filter.startsWith('$')) return false
  const wanted = filter.split('/')
  const levels = topic.split('/')
  for (const [i, level] of wanted.entries()) {
    if (level === '#') return true
    if (i >= levels.length || (level !== '+' && level !== levels[i])) return false
  }
  return wanted.length === levels.length
}

/** Whether every topic that filter `asked` takes is also taken by filter `granted`. */
export function coversFilter(granted: string, asked: string): boolean {
  if (asked.startsWith('$') && !granted.startsWith('$')) return false
  const wide = granted.split('/')
  const narrow = asked.split('/')
  for (const [i, level] of wide.entries()) {
    if (level === '#') return true
    const other = narrow[i]
    if (other === undefined || other === '#') return false
    if (level !== '+' && level !== other) return false
  }
  return wide.length === narrow.length
}
