package connz

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/netstats-go/netstats/internal/live"
)

// A chart is what moved in the last minutes, received above a line and sent below it.
// Both have one scale, so that they can be compared. It is stretched to its place.
type chart struct {
	Received, Sent       string // paths
	Middle               int    // where the line is
	MaxReceived, MaxSent string
	Span                 string // how long ago it begins
	Words                string // the same for those who do not see it
}

const (
	chartWidth, chartHeight = 1000, 160
	maxSpan                 = 10 * time.Minute
)

func (s *sheet) chart() chart {
	samples := s.samples()
	span := min(maxSpan, max(time.Minute, s.at.Sub(s.since).Round(time.Minute)))
	begin := s.at.Add(-span)
	var most rates
	for _, p := range samples {
		most.received, most.sent = max(most.received, p.rates.received), max(most.sent, p.rates.sent)
	}
	middle := chartHeight / 2.0
	sum := most.received + most.sent
	if sum > 0 {
		middle = math.Round(min(max(most.received/sum, 0.1), 0.9) * chartHeight)
	}
	scale := 0.0
	if sum > 0 {
		scale = min(middle/max(most.received, 1), (chartHeight-middle)/max(most.sent, 1))
	}
	most.known = true
	c := chart{
		Middle:      int(middle),
		MaxReceived: most.text(most.received), MaxSent: most.text(most.sent),
		Span: spanText(span),
	}
	x := func(t time.Time) int { return int(max(0, t.Sub(begin).Seconds()/span.Seconds()) * chartWidth) }
	c.Received = area(samples, x, func(p sample) int { return int(middle - p.rates.received*scale) }, int(middle))
	c.Sent = area(samples, x, func(p sample) int { return int(middle + p.rates.sent*scale) }, int(middle))
	now := s.rates()
	c.Words = fmt.Sprintf("Received %s now, at most %s; sent %s now, at most %s, in the last %s.",
		now.text(now.received), c.MaxReceived, now.text(now.sent), c.MaxSent, c.Span)
	return c
}

func spanText(d time.Duration) string {
	if d == time.Minute {
		return "minute"
	}
	return fmt.Sprintf("%d minutes", int(d.Minutes()))
}

// area is the path around samples, each of which is a step.
func area(samples []sample, x func(time.Time) int, y func(sample) int, base int) string {
	if len(samples) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "M%d %d", x(samples[0].from), base)
	for _, p := range samples {
		fmt.Fprintf(&b, "V%dH%d", y(p), x(p.to))
	}
	fmt.Fprintf(&b, "V%dZ", base)
	return b.String()
}

// bars is what a connection moved in the last two minutes, as paths of bars.
type bars struct{ Received, Sent, Words string }

const barsHeight = 11 // of each direction

func (i *item) bars() (b bars) {
	if i.spark == nil {
		return b
	}
	received, sent := i.spark.all(i.at)
	most := float64(tallest(received, sent))
	b.Received, b.Sent = barPath(received, most, -1), barPath(sent, most, 1)
	if most > 0 {
		b.Words = "at most " + size(most) + "/s"
	}
	return b
}

func barPath(values [sparkSlots]float32, most float64, direction int) string {
	var b strings.Builder
	for n, v := range values {
		if h := height(float64(v), most, barsHeight); h > 0 {
			fmt.Fprintf(&b, "M%d 12v%d", 2*n+1, direction*h)
		}
	}
	return b.String()
}

// A phase is a part of a connection's setup, drawn to scale.
type phase struct {
	Kind     string
	X, Width int
	Words    string
}

const phaseWidth = 100

// phases are the steps of a setup, each kind once, on a scale that ends at longest.
func phases(s *live.Setup, longest time.Duration) (all []phase) {
	if longest <= 0 {
		return nil
	}
	for _, kind := range [...]string{live.StepDNS, live.StepConnect, live.StepTLS} {
		took := s.Spent(kind)
		if took <= 0 {
			continue
		}
		all = append(all, phase{
			Kind: kind, X: place(s.Began(kind).Sub(s.Start), longest),
			Width: max(1, place(took, longest)), Words: kindNames[kind] + " " + duration(took),
		})
	}
	return all
}

var kindNames = map[string]string{live.StepDNS: "DNS", live.StepConnect: "connect", live.StepTLS: "TLS"}

// place is where on the scale d is.
func place(d, longest time.Duration) int {
	return int(min(max(0, float64(d)/float64(longest)), 1) * phaseWidth)
}

// phaseWords is what the bar says, in words.
func phaseWords(all []phase) string {
	texts := make([]string, len(all))
	for i, p := range all {
		texts[i] = p.Words
	}
	return strings.Join(texts, ", ")
}
