/** The name, or the first of `name_2`, `name_3` … that isn't taken. */
export function uniqueName(name: string, isTaken: (name: string) => boolean, separator = '_'): string {
  let unique = name;
  for (let count = 2; isTaken(unique); count++) unique = `${name}${separator}${count}`;
  return unique;
}
