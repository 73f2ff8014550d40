// go run compare.go selfie.jpg passport.jpg
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

type answer struct{ Decision, Provider string }

type problem struct {
	Code, Detail, Image, Reason string
	Retryable                   bool
	RetryAfter                  float64 `json:"retry_after"`
}

func (p *problem) Error() string { return p.Code + ": " + p.Detail }

var client = http.Client{Timeout: time.Minute}

func compare(probe []byte, gallery ...[]byte) (*answer, error) {
	body, _ := json.Marshal(map[string]any{"probe": probe, "gallery": gallery}) // in base64
	id := make([]byte, 16)
	rand.Read(id)
	for tries := 3; ; tries-- {
		question, err := http.NewRequest(
			"POST", os.Getenv("FACEGATE_URL")+"/v1/compare", bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		question.Header.Set("Authorization", "Bearer "+os.Getenv("FACEGATE_KEY"))
		question.Header.Set("Content-Type", "application/json")
		question.Header.Set("Idempotency-Key", fmt.Sprintf("%x", id)) // each try has the same
		reply, err := client.Do(question)
		if err != nil {
			return nil, err
		}
		defer reply.Body.Close()
		read := json.NewDecoder(reply.Body)
		if reply.StatusCode == http.StatusOK {
			said := new(answer)
			return said, read.Decode(said)
		}
		said := new(problem)
		if err := read.Decode(said); err != nil {
			return nil, fmt.Errorf("%s: %w", reply.Status, err)
		}
		if !said.Retryable || said.RetryAfter > 10 || tries == 1 { // a spent budget says hours
			return nil, said
		}
		time.Sleep(time.Duration((said.RetryAfter + 0.5) * float64(time.Second)))
	}
}

func main() {
	var pictures [2][]byte
	for place := range pictures {
		var err error
		if pictures[place], err = os.ReadFile(os.Args[1+place]); err != nil {
			log.Fatal(err)
		}
	}
	said, err := compare(pictures[0], pictures[1])
	if refused, ok := err.(*problem); ok && refused.Code == "CaptureRejected" {
		fmt.Printf("take the %s again: %s\n", refused.Image, refused.Reason)
		return
	}
	if err != nil {
		log.Fatal(err) // no answer, so neither yes nor no
	}
	switch said.Decision {
	case "accept":
		fmt.Printf("the same person, says %s\n", said.Provider)
	case "review":
		fmt.Println("a near miss: somebody has to look")
	default: // "reject", and whatever a later version may say
		fmt.Println("not accepted")
	}
}
