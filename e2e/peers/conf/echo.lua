-- Answers with method, target, host and body as they were seen.
function handle(r)
    r.content_type = "text/plain"
    local body = r:requestbody() or ""
    r:write(r.method .. " " .. r.unparsed_uri)
    if r.unparsed_uri:find("^/apache/echo") then
        r:write(" " .. r.hostname .. " " .. (r.headers_in["X-Peer"] or "") .. " " .. #body .. " " .. r:sha1(body))
    end
    return apache2.OK
end
