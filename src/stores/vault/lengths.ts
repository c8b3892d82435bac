/** Of what a vault makes, on every backend. */
export const keyBytes = 32;
export const idCharacters = 16;
export const aliasCharacters = 20;
