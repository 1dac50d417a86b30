// Words, one thread for each seed, through native compression and direct buffers: java Words.java COUNT SEED...
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;

public class Words {
  static String table(int count, long number) {
    Map<String, String> values = new TreeMap<>();
    for (int i = 0; i < count; i++) {
      number = number * 16807 % 2147483647;
      String key = "k" + number % 9973;
      String piece = String.valueOf((char) (97 + number % 26)).repeat((int) (number / 128 % 61 + 1));
      String old = values.getOrDefault(key, "");
      values.put(key, old.length() > 3000 ? piece : old + piece);
    }
    StringBuilder lines = new StringBuilder();
    values.forEach((key, text) -> lines.append(key).append(' ').append(text.length()).append(' ')
        .append(text, 0, Math.min(8, text.length())).append(' ')
        .append(text.substring(Math.max(0, text.length() - 8))).append('\n'));
    return lines.toString();
  }

  // Deflater, Inflater and direct buffers take their memory from malloc, not from the Java heap.
  static byte[] roundTrip(byte[] data) {
    try {
      ByteArrayOutputStream packed = new ByteArrayOutputStream();
      try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
        out.write(data);
      }
      ByteBuffer direct = ByteBuffer.allocateDirect(packed.size());
      direct.put(packed.toByteArray()).flip();
      byte[] copy = new byte[direct.remaining()];
      direct.get(copy);
      try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(copy))) {
        return in.readAllBytes();
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  public static void main(String[] arguments) throws InterruptedException {
    int count = Integer.parseInt(arguments[0]);
    byte[][] tables = new byte[arguments.length - 1][];
    Thread[] threads = IntStream.range(0, tables.length).mapToObj(i -> new Thread(() -> {
      byte[] text = table(count, Long.parseLong(arguments[i + 1])).getBytes(StandardCharsets.US_ASCII);
      for (int round = 0; round < 50; round++) {
        text = roundTrip(text);
      }
      tables[i] = text;
    })).toArray(Thread[]::new);
    for (Thread thread : threads) {
      thread.start();
    }
    PrintStream out = new PrintStream(System.out, false);
    for (int i = 0; i < threads.length; i++) {
      threads[i].join();
      out.write(tables[i], 0, tables[i].length);
    }
    out.flush();
  }
}
