// Runes everywhere, so that what is reactive is written as such.
export default { compilerOptions: { runes: true } }
