package dev.clessidra.models.report;

import java.util.Base64;

/**
 * Pieces of HTML. Numbers in it go through {@code %s}: those of {@code %d} are not ASCII in every
 * locale.
 */
final class Html {
  private Html() {}

  /** Text that may stand in an element or in a quoted attribute. */
  static String escape(String text) {
    StringBuilder escaped = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '&' -> escaped.append("&amp;");
        case '<' -> escaped.append("&lt;");
        case '>' -> escaped.append("&gt;");
        case '"' -> escaped.append("&quot;");
        case '\'' -> escaped.append("&#39;");
        default -> escaped.append(c);
      }
    }
    return escaped.toString();
  }

  /** A picture whose data is in the page itself. */
  static String image(Raster raster, String alternative) {
    return "<img src=\"data:image/png;base64,%s\" width=\"%s\" height=\"%s\" alt=\"%s\">"
        .formatted(
            Base64.getEncoder().encodeToString(raster.png()),
            raster.width(),
            raster.height(),
            escape(alternative));
  }

  /** A figure with its title above and, where it is not empty, a note below. */
  static String figure(String title, String note, String content) {
    StringBuilder html = new StringBuilder("<figure>\n");
    if (!title.isEmpty()) {
      html.append("<figcaption>").append(escape(title)).append("</figcaption>\n");
    }
    html.append(content);
    if (!note.isEmpty()) {
      html.append("<p class=\"note\">").append(escape(note)).append("</p>\n");
    }
    return html.append("</figure>\n").toString();
  }
}
