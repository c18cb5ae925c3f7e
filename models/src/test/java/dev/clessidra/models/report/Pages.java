package dev.clessidra.models.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;
import org.xml.sax.SAXException;

/** Takes pages of HTML apart, for tests. */
final class Pages {
  private static final Pattern IMAGE =
      Pattern.compile("<img src=\"data:image/png;base64,([A-Za-z0-9+/=]+)\"");
  private static final Pattern SVG = Pattern.compile("<svg .*?</svg>", Pattern.DOTALL);

  private Pages() {}

  /** The pictures in a page, decoded. */
  static List<BufferedImage> images(String html) {
    List<BufferedImage> images = new ArrayList<>();
    Matcher matcher = IMAGE.matcher(html);
    while (matcher.find()) {
      try {
        images.add(
            ImageIO.read(new ByteArrayInputStream(Base64.getDecoder().decode(matcher.group(1)))));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return images;
  }

  /** The only chart of a page, which has to be sound XML without odd numbers. */
  static Element chart(String html) {
    Matcher matcher = SVG.matcher(html);
    assertThat(matcher.find()).isTrue();
    String svg = matcher.group();
    assertThat(matcher.find()).isFalse();
    assertThat(svg).doesNotContain("NaN", "Infinity");
    try {
      return DocumentBuilderFactory.newInstance()
          .newDocumentBuilder()
          .parse(new InputSource(new StringReader(svg)))
          .getDocumentElement();
    } catch (ParserConfigurationException | SAXException e) {
      throw new AssertionError("not sound XML: " + svg, e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The elements of a name in a chart. */
  static List<Element> elements(Element chart, String name) {
    NodeList found = chart.getElementsByTagName(name);
    List<Element> elements = new ArrayList<>();
    for (int i = 0; i < found.getLength(); i++) {
      elements.add((Element) found.item(i));
    }
    return elements;
  }

  /** All the texts in a chart. */
  static List<String> texts(Element chart) {
    return elements(chart, "text").stream().map(Element::getTextContent).toList();
  }
}
