/** TODO */
export function warmUp(): void {}
