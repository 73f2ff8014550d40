// java Compare.java selfie.jpg passport.jpg
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.UUID;
import java.util.regex.Pattern;

class Compare {
    static final HttpClient CLIENT = HttpClient.newHttpClient();

    public static void main(String[] names) throws Exception {
        HttpResponse<String> reply = compare(base64(names[0]), base64(names[1]));
        String code = text(reply.body(), "code");
        if (reply.statusCode() == 200) {
            System.out.println(switch (text(reply.body(), "decision")) {
                case "accept" -> "the same person, says " + text(reply.body(), "provider");
                case "review" -> "a near miss: somebody has to look";
                default -> "not accepted"; // "reject", and whatever a later version may say
            });
        } else if (code.equals("CaptureRejected")) {
            String image = text(reply.body(), "image"), reason = text(reply.body(), "reason");
            System.out.println("take the " + image + " again: " + reason);
        } else { // no answer, so neither yes nor no
            throw new IllegalStateException(code + ": " + text(reply.body(), "detail"));
        }
    }

    static HttpResponse<String> compare(String probe, String passport) throws Exception {
        String body = "{\"probe\": \"%s\", \"gallery\": [\"%s\"]}".formatted(probe, passport);
        HttpRequest question = HttpRequest.newBuilder()
            .uri(URI.create(System.getenv("FACEGATE_URL") + "/v1/compare"))
            .timeout(Duration.ofSeconds(60))
            .header("Authorization", "Bearer " + System.getenv("FACEGATE_KEY"))
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", UUID.randomUUID().toString()) // each try has the same
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
        for (int tries = 3;; tries--) {
            var reply = CLIENT.send(question, HttpResponse.BodyHandlers.ofString());
            long wait = reply.headers().firstValueAsLong("Retry-After").orElse(1);
            boolean retryable = reply.body().contains("\"retryable\":true");
            if (!retryable || wait > 10 || tries == 1) { // a spent budget says hours
                return reply;
            }
            Thread.sleep(1000 * wait);
        }
    }

    static String base64(String name) throws Exception {
        return Base64.getEncoder().encodeToString(Files.readAllBytes(Path.of(name)));
    }

    /** A member's text, or "". The JDK reads no JSON: where you have Jackson, take that. */
    static String text(String json, String member) {
        var found = Pattern.compile("\"" + member + "\":\"((?:[^\"\\\\]|\\\\.)*)\"").matcher(json);
        return found.find() ? found.group(1) : "";
    }
}
