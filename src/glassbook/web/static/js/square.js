// The square in the middle of a picture's file, as pixels.

// {pixels, width, height}: at most `most` pixels a side, red, green and blue of each as bytes in base64; transparent parts
// lie on white.
export async function squareOf(file, most) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`${file.name || "this"} is no picture that this browser can read; choose a JPEG, PNG or WebP file`);
  }
  const square = Math.min(bitmap.width, bitmap.height);
  const side = Math.min(most, square);
  const canvas = new OffscreenCanvas(side, side);
  const brush = canvas.getContext("2d");
  brush.imageSmoothingQuality = "high";
  brush.fillStyle = "white";
  brush.fillRect(0, 0, side, side);
  brush.drawImage(bitmap, (bitmap.width - square) / 2, (bitmap.height - square) / 2, square, square, 0, 0, side, side);
  bitmap.close();
  const { data } = brush.getImageData(0, 0, side, side);
  const bytes = new Uint8Array(3 * side * side);
  for (let i = 0, j = 0; i < data.length; i += 4) (bytes[j++] = data[i]), (bytes[j++] = data[i + 1]), (bytes[j++] = data[i + 2]);
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return { pixels: btoa(text), width: side, height: side };
}
