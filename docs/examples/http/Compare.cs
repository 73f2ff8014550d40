// dotnet run -- selfie.jpg passport.jpg
using System;
using System.IO;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Threading.Tasks;

static class Compare
{
    static readonly HttpClient Client = new HttpClient { Timeout = TimeSpan.FromMinutes(1) };

    static async Task Main(string[] names)
    {
        var (answered, said) = await Ask(Base64(names[0]), Base64(names[1]));
        if (answered)
        {
            switch (said.GetProperty("decision").GetString())
            {
                case "accept":
                    Console.WriteLine("the same person, says " + said.GetProperty("provider"));
                    break;
                case "review":
                    Console.WriteLine("a near miss: somebody has to look");
                    break;
                default: // "reject", and whatever a later version may say
                    Console.WriteLine("not accepted");
                    break;
            }
        }
        else if (said.GetProperty("code").GetString() == "CaptureRejected")
        {
            var image = said.GetProperty("image");
            Console.WriteLine($"take the {image} again: {said.GetProperty("reason")}");
        }
        else // no answer, so neither yes nor no
        {
            throw new InvalidOperationException(said.GetProperty("detail").GetString());
        }
    }

    static async Task<(bool Answered, JsonElement Said)> Ask(string probe, params string[] gallery)
    {
        var id = Guid.NewGuid().ToString(); // each try has the same
        var body = JsonSerializer.Serialize(new { probe, gallery });
        for (var tries = 3; ; tries--)
        {
            var question = new HttpRequestMessage(
                HttpMethod.Post, Environment.GetEnvironmentVariable("FACEGATE_URL") + "/v1/compare");
            question.Headers.Authorization = new AuthenticationHeaderValue(
                "Bearer", Environment.GetEnvironmentVariable("FACEGATE_KEY"));
            question.Headers.Add("Idempotency-Key", id);
            question.Content = new StringContent(body, Encoding.UTF8, "application/json");
            var reply = await Client.SendAsync(question);
            var said = JsonDocument.Parse(await reply.Content.ReadAsStringAsync()).RootElement;
            if (reply.IsSuccessStatusCode) return (true, said);
            var wait = said.TryGetProperty("retry_after", out var seconds) ? seconds.GetDouble() : 1;
            var retryable = said.GetProperty("retryable").GetBoolean();
            if (!retryable || wait > 10 || tries == 1) return (false, said); // a budget says hours
            await Task.Delay(TimeSpan.FromSeconds(wait));
        }
    }

    static string Base64(string name)
    {
        return Convert.ToBase64String(File.ReadAllBytes(name));
    }
}
