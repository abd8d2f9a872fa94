/** The beginning of an answer, and whether that is all of it. The rest is not read. */
export async function upTo(response: Response, most: number): Promise<{ bytes: Buffer; isWhole: boolean }> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    pieces.push(piece);
    size += piece.length;
    // Leaving the loop ends the request.
    if (size > most) break;
  }
  return { bytes: Buffer.concat(pieces, size).subarray(0, most), isWhole: size <= most };
}
