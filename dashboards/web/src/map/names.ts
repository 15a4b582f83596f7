/** What is drawn on a map: its middle and its size, in pixels. */
export type Box = { x: number; y: number; width: number; height: number }

/** The first of some boxes that lies over none of those taken; null when there is no room. */
export function findRoom(boxes: readonly Box[], taken: readonly Box[]): Box | null {
  return boxes.find((box) => !taken.some((other) => isOver(box, other))) ?? null
}

function isOver(a: Box, b: Box): boolean {
  return Math.abs(a.x - b.x) < (a.width + b.width) / 2 && Math.abs(a.y - b.y) < (a.height + b.height) / 2
}
