/** Who may what, from the least to the most; each may also do what those before it may. */
export const roles = ['viewer', 'technician', 'manager', 'admin'] as const
export type Role = (typeof roles)[number]

/** Whether a role may do what is asked of at least another one. */
export function roleAllows(role: Role, asked: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(asked)
}
