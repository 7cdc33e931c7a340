// What an integrator writes against the generated client: asks, follows fills over a lost connection from the
// last one on, places an order. Driven by lines on standard input; each thing that happens is a line of JSON.
//
// client grpc unix:/path/control.sock
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	krakencopy "krakencopy/v1"
)

const (
	dialAgain = 100 * time.Millisecond
	callLimit = 20 * time.Second
)

var said sync.Mutex

func say(event map[string]interface{}) {
	said.Lock()
	defer said.Unlock()
	line, _ := json.Marshal(event)
	fmt.Println(string(line))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// From the fill after the last one, over every connection that is lost, until it is ended.
func follow(ctx context.Context, control krakencopy.ControlServiceClient, done chan<- struct{}) {
	defer close(done)
	var last int64
	for ctx.Err() == nil {
		after := last
		fills, err := control.WatchFills(ctx, &krakencopy.WatchFillsRequest{AfterSeq: &after})
		for err == nil {
			var found *krakencopy.WatchFillsResponse
			if found, err = fills.Recv(); err == nil {
				fill := found.GetFill()
				last = fill.GetSeq()
				say(map[string]interface{}{"fill": last, "pair": fill.GetPair(), "volume": fill.GetVolume()})
			}
		}
		if ctx.Err() != nil {
			return
		}
		if status.Code(err) == codes.OutOfRange || status.Code(err) == codes.Unauthenticated {
			fail(err)
		}
		say(map[string]interface{}{"lost": status.Code(err).String()})
		time.Sleep(dialAgain)
	}
}

func order(control krakencopy.ControlServiceClient, requestID, volume string) {
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	placed, err := control.PlaceOrder(ctx, &krakencopy.PlaceOrderRequest{
		RequestId: requestID, Pair: "BTC/USD", Side: krakencopy.Side_SIDE_BUY, Volume: volume,
	})
	if err != nil {
		fail(err)
	}
	say(map[string]interface{}{"order": placed.GetOrderId()})
}

func refused(control krakencopy.ControlServiceClient, accountID string) {
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	_, err := control.GetAccount(ctx, &krakencopy.GetAccountRequest{AccountId: accountID})
	reason := ""
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			reason = info.GetReason()
		}
	}
	say(map[string]interface{}{"refused": status.Code(err).String(), "reason": reason})
}

func main() {
	connection, err := grpc.Dial(os.Args[2], grpc.WithInsecure(), grpc.WithAuthority("localhost"))
	if err != nil {
		fail(err)
	}
	control := krakencopy.NewControlServiceClient(connection)
	ctx, end := context.WithCancel(context.Background())
	asking, cancel := context.WithTimeout(ctx, callLimit)
	found, err := control.GetStatus(asking, &krakencopy.GetStatusRequest{})
	cancel()
	if err != nil {
		fail(err)
	}
	say(map[string]interface{}{"ready": found.GetReady(), "headSeq": found.GetHeadSeq()})
	done := make(chan struct{})
	go follow(ctx, control, done)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if words[0] == "order" {
			order(control, words[1], words[2])
		} else if words[0] == "refused" {
			refused(control, words[1])
		} else {
			break
		}
	}
	end()
	<-done
}
