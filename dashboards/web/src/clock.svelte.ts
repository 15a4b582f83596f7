const tickMs = 5000

let now = $state(Date.now())
setInterval(() => {
  if (!document.hidden) now = Date.now()
}, tickMs)

/** The present, to the few seconds that "2 minutes ago" needs. */
export const clock = {
  get now(): number {
    return now
  },
}
