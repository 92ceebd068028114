/** Pictures that can be read on light and on dark pages. */

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #374151; }
  .title { font-weight: 600; fill: #111827; }
  rect { fill: #9ca3af; }
  .ours { fill: #0369a1; }
  path { fill: none; stroke: #9ca3af; }
  .deno { stroke: #0369a1; stroke-width: 2; }
  .bun { stroke: #b45309; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #d1d5db; }
    .title { fill: #f9fafb; }
    rect { fill: #6b7280; }
    .ours { fill: #38bdf8; }
    path { stroke: #6b7280; }
    .deno { stroke: #38bdf8; }
    .bun { stroke: #fbbf24; }
  }
`;

/** A picture of `parts`, which are SVG, too. */
export function svgOf(
  width: number,
  height: number,
  title: string,
  parts: readonly string[],
): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${title}</title>`,
    `<style>${STYLE}</style>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}
