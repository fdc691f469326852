import io.undertow.Undertow;
import io.undertow.util.Headers;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;

/** Servers for the smuggling vectors: they answer with method and target and print them with the size of the body. */
public final class HttpBackends {
    private HttpBackends() {}

    /** Starts the server that the argument names and prints its port. */
    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "jetty" -> jetty();
            case "tomcat" -> tomcat();
            case "undertow" -> undertow();
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static void announce(int port) {
        System.out.println("{\"port\": " + port + "}");
    }

    private static byte[] seen(String method, String target, InputStream body) {
        long size;
        try {
            size = body.transferTo(java.io.OutputStream.nullOutputStream());
        } catch (IOException | RuntimeException e) {
            size = -1;
        }
        System.out.println(method + " " + target + " " + size);
        return (method + " " + target).getBytes(StandardCharsets.UTF_8);
    }

    private static void jetty() throws Exception {
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server);
        connector.setHost("127.0.0.1");
        server.addConnector(connector);
        server.setHandler(new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) {
                String target = request.getHttpURI().getPathQuery();
                byte[] answer = seen(request.getMethod(), target, Content.Source.asInputStream(request));
                response.write(true, ByteBuffer.wrap(answer), callback);
                return true;
            }
        });
        server.start();
        announce(connector.getLocalPort());
    }

    private static void tomcat() throws Exception {
        Tomcat tomcat = new Tomcat();
        String base = Files.createTempDirectory("peers-tomcat").toString();
        tomcat.setBaseDir(base);
        tomcat.setHostname("localhost");
        tomcat.setPort(0);
        tomcat.getConnector().setProperty("address", "127.0.0.1");
        tomcat.getConnector().setProperty("maxKeepAliveRequests", "-1");
        Context context = tomcat.addContext("", base);
        Tomcat.addServlet(context, "echo", new HttpServlet() {
            @Override
            protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
                String query = request.getQueryString() == null ? "" : "?" + request.getQueryString();
                byte[] answer = seen(request.getMethod(), request.getRequestURI() + query, request.getInputStream());
                response.setContentLength(answer.length);
                response.getOutputStream().write(answer);
            }
        });
        context.addServletMappingDecoded("/*", "echo");
        tomcat.start();
        announce(tomcat.getConnector().getLocalPort());
    }

    private static void undertow() {
        Undertow server = Undertow.builder()
                .addHttpListener(0, "127.0.0.1")
                .setHandler(outer -> outer.dispatch(() -> {
                    outer.startBlocking();
                    String query = outer.getQueryString().isEmpty() ? "" : "?" + outer.getQueryString();
                    String target = outer.getRequestURI() + query;
                    byte[] answer = seen(outer.getRequestMethod().toString(), target, outer.getInputStream());
                    outer.getResponseHeaders().put(Headers.CONTENT_TYPE, "text/plain");
                    outer.getResponseSender().send(ByteBuffer.wrap(answer));
                }))
                .build();
        server.start();
        announce(((InetSocketAddress) server.getListenerInfo().getFirst().getAddress()).getPort());
    }
}
